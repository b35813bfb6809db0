"""The typed records that page objects return, and the JSON that `lookbook crawl parse` prints.

A record never holds a seller's name, phone, e-mail or address: parsers drop them. Money is integer KRW, lengths are
centimetres, `None` means that the shop does not say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

GarmentClass = Literal["upper", "lower", "dress", "outer", "none"]
ImageRole = Literal["main", "gallery", "detail"]
StockState = Literal["on_sale", "sold_out", "stopped", "scheduled"]
Sex = Literal["women", "men"]

ProductNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,40}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Price = Annotated[int, Field(ge=0, le=10**10)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Image(_Frozen):
    """One picture's address, the largest that the shop is known to serve."""

    url: str
    role: ImageRole
    position: int = Field(ge=0, description="order within the product, over all roles: the main picture is 0")


class SizeOption(_Frozen):
    """A size that can be chosen; `sold_out` is None where the page does not tell."""

    name: str
    sold_out: bool | None = None


class Record(_Frozen):
    """What every record has: its kind, its shop, the product (where it is of one) and the address it speaks of."""

    shop: str
    url: str


class _Prices(Record):
    """`list_price` before any discount, `sale_price` what everybody pays, `final_price` with the best public coupon."""

    list_price: Price | None = None
    sale_price: Price | None = None
    final_price: Price | None = None


class Listing(_Prices):
    """A product as one card of a list page shows it."""

    kind: Literal["listing"] = "listing"
    product_no: ProductNo
    name: Text
    brand: str | None = None
    brand_code: str | None = None
    category_codes: tuple[str, ...] = ()
    sex: tuple[Sex, ...] = ()
    sold_out: bool = False
    labels: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()


Measurements = dict[str, dict[str, float | None]]


class Product(_Prices):
    """A product as its own page (or the product call of the shop's API) shows it."""

    kind: Literal["product"] = "product"
    product_no: ProductNo
    name: Text
    name_en: str | None = None
    brand: str | None = None
    brand_code: str | None = None
    style_no: str | None = None
    category_codes: tuple[str, ...] = ()
    category_path: tuple[str, ...] = ()
    garment_class: GarmentClass
    class_reason: str | None = Field(default=None, description="why a garment class is `none`, or a warning (`skort`)")
    sex: tuple[Sex, ...] = ()
    season: str | None = None
    season_year: int | None = None
    material: dict[str, tuple[str, ...]] = {}
    colours: tuple[str, ...] = ()
    sizes: tuple[SizeOption, ...] = ()
    measurements: Measurements = {}
    sold_out: bool = False
    stock_state: StockState = "on_sale"
    labels: tuple[str, ...] = ()
    colour_group: str | None = Field(default=None, description="the product number that heads the colour variants")
    colour_products: tuple[ProductNo, ...] = Field(default=(), description="numbers of the other colours, if named")
    detail_text: str | None = None
    images: tuple[Image, ...] = ()


class SizeTable(Record):
    """Measured sizes: `measurements[size][measure]` in cm; None where the shop has not measured."""

    kind: Literal["size_table"] = "size_table"
    product_no: ProductNo
    type_name: str | None = None
    measurements: Measurements


class Options(Record):
    """Colours and sizes that can be chosen together."""

    kind: Literal["options"] = "options"
    product_no: ProductNo
    colours: tuple[str, ...] = ()
    sizes: tuple[SizeOption, ...] = ()


class ColourVariant(_Frozen):
    """Another colour of a product, which both shops sell under its own number."""

    product_no: ProductNo
    url: str
    name: str
    sold_out: bool | None = None


class ColourGroup(Record):
    """The colour variants of a product, itself among them where the shop lists it."""

    kind: Literal["colour_group"] = "colour_group"
    product_no: ProductNo
    variants: tuple[ColourVariant, ...]


class Information(Record):
    """SSF's product-information tab, which exists only after JavaScript: detail pictures, text, measured sizes."""

    kind: Literal["information"] = "information"
    product_no: ProductNo
    material: dict[str, tuple[str, ...]] = {}
    measurements: Measurements = {}
    detail_text: str | None = None
    images: tuple[Image, ...] = ()


class Category(Record):
    """A category of the shop's tree."""

    kind: Literal["category"] = "category"
    code: str
    name: str
    parent_code: str | None = None
    garment_class: GarmentClass


class Robots(Record):
    """What a host's robots.txt says to a crawler that it does not name."""

    kind: Literal["robots"] = "robots"
    allowed: bool
    crawl_delay: float | None = None
    sitemaps: tuple[str, ...] = ()


class GoneProduct(Record):
    """The shop answered that the product is not there any more."""

    kind: Literal["gone"] = "gone"
    product_no: ProductNo
    reason: str


class Rejection(Record):
    """A page or row that could not become a record, and why: `reason` is a slug, `detail` is for a person."""

    kind: Literal["rejection"] = "rejection"
    product_no: str | None = None
    reason: str
    detail: str = ""


AnyRecord = (
    Listing | Product | SizeTable | Options | ColourGroup | Information | Category | Robots | GoneProduct | Rejection
)
