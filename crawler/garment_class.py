"""Which kind of garment a product is, by each shop's category codes, then by its category path, then by its name.

The contract that must not break: every product gets exactly one class, and `none` always comes with its reason. Rules:
specification of the shops, sections 1.6 (MUSINSA's codes), 2.2 (SSF's codes) and 4 (wrong labels).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from crawler.records import GarmentClass


class Verdict(NamedTuple):
    """A garment class and, for `none` always and otherwise as a warning, the reason as a slug."""

    garment_class: GarmentClass
    reason: str | None = None


MIXED = Verdict("none", "mixed-category")
NOT_CLOTHING = Verdict("none", "not-clothing")
UNDERWEAR = Verdict("none", "underwear")
SWIMWEAR = Verdict("none", "swimwear")
KIDS = Verdict("none", "kids")
USED = Verdict("none", "used")
SET = Verdict("none", "set")
JUMPSUIT = Verdict("none", "jumpsuit")
OUTLET = Verdict("none", "outlet")
GIFT_CERTIFICATE = Verdict("none", "gift-certificate")
UPPER, LOWER, DRESS, OUTER = Verdict("upper"), Verdict("lower"), Verdict("dress"), Verdict("outer")

# Longest prefix wins. MIXED means that the code does not tell: the other category tree, then the path, must.
MUSINSA_CODES: dict[str, Verdict] = {
    "001": UPPER,
    "002": OUTER,
    "003": LOWER,
    "003010": JUMPSUIT,
    "017": NOT_CLOTHING,
    "017016": UPPER,
    "017017": LOWER,
    "017018": OUTER,
    "017019": DRESS,
    "017020": LOWER,
    "017021": SET,
    "017022": SWIMWEAR,
    "020": DRESS,  # dresses and skirts had codes of their own until 2023
    "022": LOWER,
    "026": UNDERWEAR,
    "100": MIXED,
    "100001": DRESS,
    "100002": DRESS,
    "100003": DRESS,
    "100004": LOWER,
    "100005": LOWER,
    "100006": LOWER,
    "105001": MIXED,
    "106": KIDS,
    "107": OUTLET,
    "107002": NOT_CLOTHING,
    "107003": NOT_CLOTHING,
    "107009": KIDS,
    "108001": MIXED,
    "108010": MIXED,
    "109": USED,
    "111003": MIXED,
}
# The second tree, which tells a dress from a skirt in its second step.
MUSINSA_BASE_CODES: dict[str, Verdict] = {
    "029001": UPPER,
    "029002": UPPER,
    "029013": DRESS,
    "029014": LOWER,
    "029015": LOWER,
}
_SSF_WOMEN = {"A01": UPPER, "A02": UPPER, "A03": UPPER, "A04": LOWER, "A05": LOWER, "A06": DRESS, "A07": OUTER}
_SSF_MEN = {"A01": UPPER, "A02": UPPER, "A03": UPPER, "A04": LOWER, "A05": OUTER, "A06": MIXED, "A07": UNDERWEAR}
SSF_CODES: dict[str, Verdict] = {
    **{f"SFMA41{step}": verdict for step, verdict in _SSF_WOMEN.items()},
    **{f"SFMA42{step}": verdict for step, verdict in _SSF_MEN.items()},
    "SFMA41": MIXED,
    "SFMA41A12": NOT_CLOTHING,
    "SFMA41A14": MIXED,
    "SFMA41A21": OUTER,
    "SFMA41A31": UNDERWEAR,
    "SFMA41A36": NOT_CLOTHING,
    "SFMA41A37": SWIMWEAR,
    "SFMA42": MIXED,
    "SFMA42A13": MIXED,
    "SFMA42A19": OUTER,
    "SFMA42A36": SWIMWEAR,
    "SFMA43": KIDS,
    "SFMA44": OUTLET,
    "SFMA45": NOT_CLOTHING,
    "SFMA46": NOT_CLOTHING,
    "SFMB84": NOT_CLOTHING,
    "SFME34": MIXED,
    "SFME35": MIXED,
    "SFME37": MIXED,
}

# Words of one step of a category path. A step that fits two classes (원피스/스커트) leaves it to the next one.
_PATH_EXCLUDED: tuple[tuple[re.Pattern[str], Verdict], ...] = (
    (re.compile(r"키즈|유아|아동|주니어|베이비"), KIDS),
    (re.compile(r"속옷|언더웨어|란제리|이너웨어|라운지|홈웨어|잠옷|파자마"), UNDERWEAR),
    (re.compile(r"수영복|비치|스윔"), SWIMWEAR),
    (re.compile(r"상하의\s*세트|세트|셋업|수트\s*세트"), SET),
    (re.compile(r"점프\s*[슈수]트|오버올"), JUMPSUIT),
)
_PATH_CLASSES: tuple[tuple[re.Pattern[str], Verdict], ...] = (
    (
        re.compile(
            r"상의|셔츠|블라우스|니트(?!\s*원피스)|스웨터|스웨트|맨투맨|후드(?!\s*집업)|피케|민소매(?!.*원피스)"
        ),
        UPPER,
    ),
    (re.compile(r"하의|바지|팬츠|슬랙스|쇼츠|레깅스|조거|스커트|치마|^데님$"), LOWER),
    (re.compile(r"원피스|드레스(?!\s*셔츠)"), DRESS),
    (re.compile(r"아우터|재킷|자켓|점퍼|코트|패딩|카디건|가디건|블루종|집업|베스트$"), OUTER),
)

_SET_NAME = re.compile(
    r"(?<![르카])세트(?!\s*업)|(?<![A-Za-z])SET(?![A-Za-z]|[-\s]?UP)|패키지|(?<![A-Za-z])PACKAGE"
    r"|(?<![0-9])[1-9]\s?\+\s?[1-9](?![0-9])|(?<![0-9A-Za-z])[2-9]\s?-?(?:PACK|PK|팩)(?![A-Za-z])",
    re.IGNORECASE,
)
_KIDS_NAME = re.compile(r"키즈|아동|유아용|유아복|(?<![A-Za-z])KIDS?(?![A-Za-z])", re.IGNORECASE)
_SKORT_NAME = re.compile(
    r"스커트\s*팬츠|팬츠\s*스커트|치마\s*바지|바지\s*치마|스코트(?!랜드)|(?<![A-Za-z])skorts?(?![A-Za-z])"
    r"|(?:스커트|치마)\s*레깅스|레깅스\s*(?:스커트|치마)",
    re.IGNORECASE,
)
_JUMPSUIT_NAME = re.compile(r"점프\s*[슈수]트|오버올|멜빵\s*바지|jump\s*suit", re.IGNORECASE)


def by_code(table: dict[str, Verdict], codes: Iterable[str]) -> Verdict | None:
    """The verdict of the longest known prefix over all the codes; None where no prefix is known."""
    known = [(len(prefix), verdict) for code in codes for prefix, verdict in table.items() if code.startswith(prefix)]
    return max(known, key=lambda entry: entry[0])[1] if known else None


def by_path(path: Sequence[str]) -> Verdict | None:
    """The verdict of a category path ("여성", "팬츠", "와이드"); None where no step names one kind."""
    for step in path:
        for words, verdict in _PATH_EXCLUDED:
            if words.search(step):
                return verdict
    for step in path:
        fitting = [verdict for words, verdict in _PATH_CLASSES if words.search(step)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def by_name(verdict: Verdict, name: str) -> Verdict:
    """The verdict after a look at the name: sets, children's wear, jumpsuits and skorts are filed under other kinds."""
    if verdict.garment_class == "none":
        return verdict
    if _SET_NAME.search(name):
        return SET
    if _KIDS_NAME.search(name):
        return KIDS
    if verdict.garment_class in ("lower", "dress") and _JUMPSUIT_NAME.search(name):
        return JUMPSUIT
    if verdict.garment_class == "lower" and _SKORT_NAME.search(name):
        return Verdict("lower", "skort")
    return verdict


def musinsa_category(code: str) -> Verdict:
    """The class of a whole category of MUSINSA; a code that no rule names holds no clothes."""
    return by_code(MUSINSA_CODES, [code]) or NOT_CLOTHING


def ssf_category(code: str) -> Verdict:
    """The class of a whole category of SSF; a code that no rule names may hold anything."""
    return by_code(SSF_CODES, [code]) or MIXED


def musinsa_garment(
    codes: Sequence[str],
    name: str,
    *,
    base_code: str = "",
    base_path: Sequence[str] = (),
    path: Sequence[str] = (),
    used: bool = False,
    outlet: bool = False,
) -> Verdict:
    """The class of a MUSINSA product: by its category codes; where they don't tell, by the base tree.

    Outlet products (107, or the page's mark) are classed by the base tree with the reason `outlet`.
    """
    if used:
        return USED
    verdict = by_code(MUSINSA_CODES, codes)
    if verdict is None and codes:
        return NOT_CLOTHING
    if verdict is None or verdict in (MIXED, OUTLET):
        outlet = outlet or verdict == OUTLET
        base = by_code(MUSINSA_BASE_CODES, [base_code]) or by_path(base_path) or by_path(path)
        verdict = base or (OUTLET if outlet else MIXED)
    return _marked(by_name(verdict, name), outlet)


def ssf_garment(product_no: str, codes: Sequence[str], path: Sequence[str], name: str) -> Verdict:
    """The class of an SSF product: by its number (sets `SM`, gift certificates `TM`), its codes, then its path."""
    number = product_no.upper()
    if number.startswith("SM"):
        return SET
    if number.startswith("TM"):
        return GIFT_CERTIFICATE
    verdict = by_code(SSF_CODES, codes)
    outlet = verdict == OUTLET or "아울렛" in path
    if verdict is None or verdict in (MIXED, OUTLET):
        verdict = by_path(path) or (OUTLET if outlet else NOT_CLOTHING if path else MIXED)
    return _marked(by_name(verdict, name), outlet)


def _marked(verdict: Verdict, outlet: bool) -> Verdict:
    """The verdict with the warning `outlet`, unless another reason is there already."""
    return Verdict(verdict.garment_class, "outlet") if outlet and verdict.reason is None else verdict
