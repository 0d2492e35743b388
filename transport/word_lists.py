"""Words that `transport.key_words` looks for, English and Chinese: as sets, or for a regular expression."""

from __future__ import annotations


def _each(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _either(words: str) -> str:
    """Return all as one alternative of a regular expression, the longest first; _ is a space."""
    longest_first = sorted(words.split(), key=len, reverse=True)
    return "|".join(longest_first).replace("_", r"\s+").replace(".", r"\.")


# Articles, pronouns, prepositions, conjunctions, auxiliaries, and adverbs that only colour: without them a
# sentence can still be understood.
FUNCTION_WORDS = _each("""
a an the this that these those such some any each every all both either another other others same own
much many i you he she it we they me him her us them my your his its our their mine yours hers ours
theirs myself yourself himself herself itself ourselves themselves who whom whose which what there here
one ones something anything in on at for with from by about during through over into across around along
behind beyond near as like than of to per via up down off out upon onto toward towards within among
between under against and but or so yet because although though while whereas until if when whenever
where whether since then however therefore also too very really quite rather just even still already
again perhaps maybe please well now how why is are was were am be been being will would can could shall
should may might must ought have has had having do does did doing done get gets got let lets i'm you're
we're they're he's she's it's that's there's here's what's i've you've we've they've i'll you'll we'll
they'll it'll i'd you'd we'd they'd let's yes ok okay oh
""")

CHINESE_FUNCTION_TAGS = frozenset("ucpryeok")  # particles, connectives, prepositions, pronouns, interjections
CHINESE_FUNCTION_WORDS = _each("""
是 有 会 能 可以 应该 可能 要 想 让 使 很 也 都 就 还 又 再 才 只 太 更 最 已经 正在 一个 一些 一下 一点
一种 一样 一般 一起 一定 一直 上 下 里 中 等 时 后 前 来 去 到 给 请 好 嗯 哦 那么 这样 那样 比较 非常
十分 其实 当然 进行
""")

# A word of these is key, whatever stands around it.
ALWAYS_KEY = _each("""
immediately urgent urgently emergency ambulance danger dangerous warning overdose allergic allergy fatal
deadly poison poisonous fraud scam
""")
CHINESE_ALWAYS_KEY = _each("""
立即 立刻 马上 急救 急诊 救护车 就医 拨打 停药 停用 禁用 禁忌 超过 低于 高于 少于 至少 最多 以上 以下
以内 过敏 过量 危险 警告 致命 中毒 诈骗 亏损 每天 每日 每次 每周 每月 每年 每晚
""")
WARNINGS = _either("call dial phone ring see seek get contact tell ask go_to consult")
TITLES = ("Dr.", "Mr.", "Mrs.", "Ms.", "Prof.", "St.")  # these end no sentence
HELP = _either(
    """
doctor doctors physician pharmacist hospital ambulance emergency_services emergency_room emergency_care
medical_help medical_attention medical_care help poison_control police adviser advisor
"""
)

NUMBERS = _either(
    """
two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
trillion half dozen once twice zero double triple
"""
)
# "one" counts only before a unit, "a" only before a part: most are pronoun and article.
UNITS = _either(
    """
mg mcg µg μg g kg ml l dl mmol mol iu units? u/ml mmhg bpm kcal calories cm mm m km inch inches foot
feet miles? tablets? pills? capsules? drops? puffs? doses? cups? glass glasses teaspoons? tablespoons?
millilit(?:er|re)s? lit(?:er|re)s? (?:micro|milli|kilo)?grams? pounds? ounces? lbs? oz % ％ percent
per_cent percentage_points? basis_points? bps degrees?(?:_(?:celsius|fahrenheit))? °[cf]? ℃ ms s
seconds? min minutes? h hours? days? nights? weeks? months? years? decades? times? a.m.? p.m.? am pm
o'clock dollars? cents? euros? pence yuan yen bucks usd eur gbp cny rmb shares? million billion trillion
thousand bn people steps fold
"""
)
CHINESE_UNITS = _either(
    """
毫克 微克 千克 公斤 毫升 升 克 斤 片 粒 颗 支 瓶 袋 滴 杯 次 天 日 号 周 个星期 星期 个月 月 年 个小时
小时 分钟 点半 点钟 点 分 秒 岁 度 摄氏度 万元 亿元 万美元 亿美元 美元 欧元 港元 元 块钱 块 万 亿 股 倍
个百分点 个基点 个 名 位 米 厘米 公里 千卡 步 期 成 折 % ％ ℃
"""
)
PARTS = _either("half third quarter fifth tenth thirds quarters fifths tenths")
PERIODS = _either("day night week month year hour minute dose meal kg kilogram person share time")
COMPARISONS = _either(
    """
no_more_than no_less_than no_fewer_than not_more_than more_than less_than fewer_than at_least at_most
up_to above below over under every within after
"""
)
MONTHS = _either(
    """
january february march april may june july august september october november december jan feb mar apr
jun jul aug sept? oct nov dec
"""
)

AUXILIARIES = _either(
    "do does did is are was were am be will would can could should shall must may might has have had need"
)
CONTRACTED = _either(
    "don doesn didn isn aren wasn weren won wouldn can couldn shouldn mustn hasn haven hadn needn"
)
NEGATIONS = _either("not never no without cannot avoid neither nor nothing nobody none except unless stop")
# What may stand between a negation and what it denies.
BETWEEN = _either("a an the any your be been to yet ever have more longer taking")
# Chinese words that begin like a negation and are none.
NO_NEGATIONS = _each("""
不过 不仅 不但 不同 不错 不论 不管 不断 不久 不少 不光 不如 不得不 不妨 不由得 别人 别的 别墅 无论 无疑
未来 未必 没事 没关系 不客气 不止 不禁
""")
CHINESE_NEGATIONS = (
    "不",
    "没",
    "别",
    "勿",
    "无",
    "未",
    "切勿",
    "避免",
    "禁止",
    "严禁",
    "停止",
)  # how they begin
# These deny the word that follows; others, such as 不高 and 不到, have what they deny in them.
CHINESE_DENYING = _each(
    """
不 没 没有 别 勿 切勿 无 未 不要 不能 不会 不可 不可以 不宜 不应 不应该 不得 不用 不必 不想 不该 尚未
从未 避免 禁止 严禁 停止 千万别 不再
"""
)
NO_NUMBERS = _each(
    "一个 一些 一下 一点 一种 一样 一般 一起 一定 一直 一边 十分 万一 百姓 千万 半天 第一 一切 一方面"
)
