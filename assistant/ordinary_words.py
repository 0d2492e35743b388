"""Words that carry no fact of their own: an answer may always say them, and nothing is found by them."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = _words(
    """
    a about above after again against all also always am an and another any anybody anyone anything
    are as at away back be because been before being below between both but by can could did do does
    doing done down during each either else enough ever every everything few for from further get
    gets getting go goes going gone got had has have having he hello help her here hers hey hi him
    his how i if in instead into is it its itself just know let lets like lot make makes many may
    maybe me might more most much must my myself need needs neither no nor not nothing now of off oh
    ok okay on once one only onto or other others our ours out over own per perhaps please quite
    rather really right said same say says see shall she should since so some somebody someone
    something soon still such sure tell than thank thanks that the their theirs them themselves then
    there these they thing things think this those though through to together too try under until up
    upon us use used using very via want wants was way we well were what whatever when where whether
    which while who whom whose why will with within without would yes yet you your yours yourself um
    uh er erm hmm bit kind sort able ask asking asked wondering wonder mean means question
    """
)
CHINESE_FUNCTION_WORDS = _words(
    """
    的 了 吗 呢 吧 啊 呀 嘛 哦 嗯 我 你 您 他 她 它 我们 你们 他们 是 有 在 和 与 或 也 都 就 还
    又 才 很 太 最 这 那 这个 那个 这样 那样 这些 那些 什么 怎么 怎样 怎么办 如何 为什么 哪 哪个 哪些
    哪里 多 几 能 能不能 可以 可不可以 会 会不会 要 要不要 想 应该 该 得 着 过 地 把 被 给 对 从 到
    让 用 上 下 里 中 个 一 一个 一下 一点 有点 些 时候 如果 要是 但 但是 因为 所以 而 而且 请 请问
    问 问问 知道 说 告诉 觉得 是不是 有没有 没有 不 没 谢谢 你好 您好 好 好的 行 再 之 其 以 为 于 等
    及 并 则 比 每 只 更 那么 现在 一直 已经 需要 办 做 去 来 起来 东西 事 情况 问题
    """
)
NUMBER_WORDS = _words(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
    billion point half quarter dozen couple twice thrice once first second third
    """
)
# Of these and the words above, courtesies are made: nothing is looked up for them.
COURTESY_WORDS = _words(
    """
    hello hi hey good morning afternoon evening night day thanks thank cheers bye goodbye
    welcome great lovely nice perfect wonderful fine cool alright appreciate appreciated
    helpful kind sorry pardon understood understand sense clear later care pleasure
    pleased meet doctor glad love everything today 你好 您好 谢谢 多谢 感谢 再见 拜拜 早上好 下午好 晚上好
    早安 晚安 好的 好 明白 明白了 知道 知道了 了解 辛苦 辛苦了 帮助 帮忙 你 您 嗨 喂 非常 太 大夫 医生 帮
    """
)
# With these an adviser frames what it says; none of them states anything about the matter itself.
ADVISING_WORDS = _words(
    """
    important note remember recommend recommended recommends recommendation advise advised advice best sure
    information informations facts fact provided based according answer case cases follow following example
    general generally usual usually typically often people person someone feel free questions concerns
    assist assistance consult speak talk contact check professional consider understand situation way ways
    means include includes including depends specific please sorry welcome happy glad hear hope wish great
    good well today here anything else available need additional guidance explain clear situation different
    """
)
CHINESE_ADVISING_WORDS = _words(
    """
    建议 注意 请 记得 一般 通常 可 咨询 联系 确认 根据 信息
    资料 建议您 帮助 帮 随时 回答 了解 具体
    情况 抱歉 当然 重要 务必 如有 疑问
    欢迎 高兴 为您 服务 很高兴 不客气 客气 您 祝 其他 任何 提供
    """
)
