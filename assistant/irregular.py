"""English words whose forms no stemmer brings together."""

from __future__ import annotations

_FORMS = """
be:am,is,are,was,were,been|bear:bore,borne|begin:began,begun|bend:bent|bite:bit,bitten|bleed:bled|blow:blew,blown
break:broke,broken|breathe:breath|bring:brought|build:built|burn:burnt|buy:bought|catch:caught|choose:chose,chosen
come:came|creep:crept|deal:dealt|die:dead,death,dying|do:did,done,does|draw:drew,drawn|drink:drank,drunk
drive:drove,driven|eat:ate,eaten|fall:fell,fallen|feed:fed|feel:felt|fight:fought|find:found|fly:flew,flown
forget:forgot,forgotten|freeze:froze,frozen|get:got,gotten|give:gave,given|go:went,gone|grow:grew,grown
hang:hung|have:has,had|hear:heard|hide:hid,hidden|hold:held|keep:kept|know:knew,known|lay:laid|lead:led|leave:left
lend:lent|lie:lay,lain,lying|lose:lost|make:made|mean:meant|meet:met|owe:owing|pay:paid|ride:rode,ridden|ring:rang,rung
rise:rose,risen|run:ran|say:said|see:saw,seen|sell:sold|send:sent|shake:shook,shaken|shoot:shot|shrink:shrank,shrunk
sing:sang,sung|sink:sank,sunk|sit:sat|sleep:slept,asleep|slide:slid|smell:smelt|speak:spoke,spoken|spend:spent
stand:stood|steal:stole,stolen|stick:stuck|sting:stung|strike:struck|swear:swore,sworn|swell:swollen|swim:swam,swum
take:took,taken|teach:taught|tear:tore,torn|tell:told|think:thought|throw:threw,thrown|understand:understood
wake:woke,woken,awake|wear:wore,worn|weep:wept|win:won|write:wrote,written
child:children,kid,kids|foot:feet|tooth:teeth|man:men|woman:women|mouse:mice|baby:babies
"""
BASE = {
    form: base
    for entry in _FORMS.replace("\n", "|").split("|")
    if entry
    for base, _, forms in [entry.partition(":")]
    for form in forms.split(",")
}
