"""The rules of FOCUS 1.2 for the columns that we write, and a row that breaks each of them.

Rows are as a CSV has them: text by column, None where a cell is empty. A rule is named by its id in the requirements
model of the specification where that was looked up (BilledCost-C-003-M), else by column or attribute and section. The
words are ours.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal

__all__ = ["ABSENT", "RULES", "VALID", "Row", "Rule", "broken_rules"]

Row = Mapping[str, str | None]
ABSENT = "\0 the column is absent"

VALID: Row = {
    "BilledCost": "0.5",
    "BillingAccountId": "org-1",
    "BillingAccountName": None,
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    "BillingPeriodStart": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": None,
    "ChargeDescription": "gpt-4o, standard: Input Tokens",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2026-11-19T00:00:00Z",
    "ChargePeriodStart": "2026-11-18T00:00:00Z",
    "ConsumedQuantity": "200000",
    "ConsumedUnit": "Tokens",
    "ContractedCost": "0.4",
    "ContractedUnitPrice": "2",
    "EffectiveCost": "0.5",
    "InvoiceIssuerName": "OpenAI",
    "ListCost": "0.5",
    "ListUnitPrice": "2.5",
    "PricingCategory": "Standard",
    "PricingQuantity": "0.2",
    "PricingUnit": "1000000 Tokens",
    "ProviderName": "OpenAI",
    "PublisherName": "OpenAI",
    "RegionId": "eu-west-1",
    "RegionName": "eu-west-1",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "OpenAI API",
    "ServiceSubcategory": "Generative AI",
    "SkuId": "openai/gpt-4o/input",
    "SkuMeter": "Input Tokens",
    "SkuPriceDetails": '{"x_Model": "gpt-4o"}',
    "SkuPriceId": "openai/gpt-4o/input/standard",
    "SubAccountId": "team/search",
    "SubAccountName": "search",
    "SubAccountType": "Team",
    "Tags": '{"team": "search"}',
    "x_CostBasis": "computed",
}

MANDATORY = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
OTHERS = (
    *("AvailabilityZone", "BillingAccountType", "CapacityReservationId", "CapacityReservationStatus"),
    *("ChargeFrequency", "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName"),
    *("CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit"),
    *("ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "InvoiceId", "ListUnitPrice", "PricingCategory"),
    *("PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost"),
    *("PricingCurrencyListUnitPrice", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType"),
    *("ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName"),
    *("SubAccountType", "Tags"),
)
NEVER_NULL = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory"),
    *("ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
DECIMALS = (*COSTS, "ConsumedQuantity", "ContractedUnitPrice", "ListUnitPrice", "PricingQuantity")
INSTANTS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
OF_A_SALE = ("ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "PricingQuantity", "SkuId", "SkuPriceId")
"""Not null of usage and purchases that correct nothing, null of a tax, and may be null of anything else."""
TEXTS = tuple(name for name in VALID if name not in {*DECIMALS, *INSTANTS})
PLACEHOLDERS = {"", "-", "n/a", "na", "none", "(none)", "not applicable", "null", "unknown"}
CATEGORIES = {
    *("AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools"),
    *("Identity", "Integration", "Internet of Things", "Management and Governance", "Media", "Migration", "Mobile"),
    *("Multicloud", "Networking", "Security", "Storage", "Web", "Other"),
}
OF_AI = {
    *("Bots", "Generative AI", "Machine Learning", "Natural Language Processing", "Other (AI and Machine Learning)"),
}
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": CATEGORIES,
}
SKU_DETAILS = {
    *("CoreCount", "DiskMaxIops", "DiskSpace", "DiskType", "GpuCount", "InstanceSeries", "InstanceType", "MemorySize"),
    *("NetworkMaxIops", "NetworkMaxThroughput", "OperatingSystem", "Redundancy", "StorageClass"),
}
WIDE = Context(prec=76)
NUMBER = re.compile(r"-?\d+(\.\d+)?")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UNIT = re.compile(r"([1-9]\d* )?[A-Z][A-Za-z]*([ -][A-Z(][A-Za-z)]*)*(/([1-9]\d* )?[A-Z][A-Za-z]*)?")


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: its id or section.
        columns: what it looks at; it is not asked where a dataset has not all of them.
        holds: whether it holds for all rows.
        broken: what to change in VALID so that it no longer holds.
        is_advice: the specification says SHOULD.
    """

    name: str
    columns: tuple[str, ...]
    holds: Callable[[Sequence[Row]], bool]
    broken: Row
    is_advice: bool = False


def broken_rules(rows: Sequence[Row], *, with_advice: bool = True) -> list[str]:
    """Return the names of the rules that do not hold for a dataset."""
    present = set(rows[0]) if rows else set()
    return [
        rule.name
        for rule in RULES
        if present.issuperset(rule.columns) and (with_advice or not rule.is_advice) and not rule.holds(rows)
    ]


def each(holds: Callable[[Row], bool]) -> Callable[[Sequence[Row]], bool]:
    return lambda rows: all(holds(row) for row in rows)


def cell(name: str, holds: Callable[[str], bool]) -> Callable[[Sequence[Row]], bool]:
    """A rule on the values of one column that are not null."""
    return each(lambda row: (value := row[name]) is None or holds(value))


def one_parent(child: str, parent: str) -> Callable[[Sequence[Row]], bool]:
    def holds(rows: Sequence[Row]) -> bool:
        parents: dict[str | None, set[str | None]] = defaultdict(set)
        for row in rows:
            parents[row[child]].add(row[parent])
        return all(len(found) == 1 for name, found in parents.items() if name is not None)

    return holds


def number(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None and NUMBER.fullmatch(text) else None


def instant(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "0001-01-01")


def is_text(value: str) -> bool:
    return value == value.strip() and value.lower() not in PLACEHOLDERS


def is_instant(value: str) -> bool:
    try:
        return INSTANT.fullmatch(value) is not None and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def pairs(text: str) -> list[tuple[str, object]] | None:
    """Return the pairs of a JSON object, repeated keys too. None: it is no object."""
    try:
        found = json.loads(text, object_pairs_hook=tuple)
    except json.JSONDecodeError:
        return None
    return list(found) if isinstance(found, tuple) else None


def is_flat_object(text: str) -> bool:
    found = pairs(text)
    if found is None or len({key for key, _ in found}) != len(found):
        return False
    return all(value is None or isinstance(value, str | int | float | bool) for _, value in found)


def is_sale(row: Row) -> bool:
    return row["ChargeCategory"] in {"Usage", "Purchase"} and row["ChargeClass"] != "Correction"


def is_product(cost: str, price: str) -> Callable[[Row], bool]:
    """The cost is the product, rounded to as many decimals as the cost has."""

    def holds(row: Row) -> bool:
        amount, rate, quantity = number(row[cost]), number(row[price]), number(row["PricingQuantity"])
        if amount is None or rate is None or quantity is None or row["ChargeClass"] == "Correction":
            return True
        return abs(WIDE.subtract(amount, WIDE.multiply(rate, quantity))) <= Decimal("1E-18")

    return holds


def is_billed(cost: str, price: str) -> Callable[[Row], bool]:
    """Without a unit price, a charge that rests on no other costs what is billed."""
    return lambda row: (
        row[price] is not None or row["ChargeCategory"] == "Tax" or number(row[cost]) == number(row["BilledCost"])
    )


def both_or_none(one: str, other: str) -> Callable[[Row], bool]:
    return lambda row: (row[one] is None) == (row[other] is None)


def presence() -> Iterable[Rule]:
    for name in MANDATORY:
        yield Rule(f"{name}: presence", (), each(lambda row, name=name: name in row), {name: ABSENT})
    known = {*MANDATORY, *OTHERS}
    yield Rule(
        "ColumnHandling: custom columns begin with x_",
        (),
        each(lambda row: all(name in known or name.startswith("x_") for name in row)),
        {"CostBasis": "computed"},
    )


def formats() -> Iterable[Rule]:
    for name in DECIMALS:
        for wrong in ("$0.50", "1,000", "1e-3", "+1", "1 1/2", ".5"):
            yield Rule(
                f"{name}: type Decimal, NumericFormat ({wrong})",
                (name,),
                cell(name, lambda value: NUMBER.fullmatch(value) is not None),
                {name: wrong},
            )
    for name in INSTANTS:
        for wrong in ("2026-11-01", "2026-11-01T00:00:00+01:00", "11/1/26", "2026-13-01T00:00:00Z"):
            yield Rule(f"{name}: type, DateTimeFormat ({wrong})", (name,), cell(name, is_instant), {name: wrong})
    for name in TEXTS:
        for wrong in ("", "Not Applicable", " a"):
            yield Rule(
                f"{name}: type String, StringHandling and NullHandling ({wrong!r})",
                (name,),
                cell(name, is_text),
                {name: wrong},
            )


def structured_formats() -> Iterable[Rule]:
    for name in ("ConsumedUnit", "PricingUnit"):
        for wrong in ("tokens", "0 Tokens", "1.5 Tokens", "1,000 Tokens", "GB / Hour"):
            yield Rule(
                f"{name}: UnitFormat-A-001-M to 003-M ({wrong})",
                (name,),
                cell(name, lambda value: UNIT.fullmatch(value) is not None),
                {name: wrong},
                is_advice=True,
            )
    for name in ("Tags", "SkuPriceDetails"):
        for wrong in ("team=search", '["a"]', '{"a": {"b": 1}}', '{"a": [1]}', '{"a": 1, "a": 2}'):
            yield Rule(f"{name}: KeyValueFormat ({wrong})", (name,), cell(name, is_flat_object), {name: wrong})
    yield Rule(
        "BillingCurrency: CurrencyFormat",
        ("BillingCurrency",),
        cell("BillingCurrency", lambda value: re.fullmatch("[A-Z]{3}", value) is not None),
        {"BillingCurrency": "US Dollars"},
    )


def nullability() -> Iterable[Rule]:
    for name in NEVER_NULL:
        rule = "BilledCost-C-003-M" if name == "BilledCost" else f"{name}: nullability, never"
        yield Rule(rule, (name,), each(lambda row, name=name: row[name] is not None), {name: None})
    for name in ("ServiceSubcategory", "ChargeDescription", "SkuMeter", "ChargeFrequency"):
        yield Rule(
            f"{name}: nullability, where there is a SKU",
            (name, "SkuId"),
            each(lambda row, name=name: row[name] is not None or row["SkuId"] is None),
            {name: None},
            is_advice=True,
        )
    for name in OF_A_SALE:
        seen = (name, "ChargeCategory", "ChargeClass")
        yield Rule(
            f"{name}: nullability, of usage and purchases",
            seen,
            each(lambda row, name=name: row[name] is not None or not is_sale(row)),
            {name: None},
        )
        yield Rule(
            f"{name}: nullability, of a tax",
            seen,
            each(lambda row, name=name: row[name] is None or row["ChargeCategory"] != "Tax"),
            {"ChargeCategory": "Tax"},
        )
    seen = ("ConsumedQuantity", "ChargeCategory")
    yield Rule(
        "ConsumedQuantity-C-004-C",
        seen,
        each(lambda row: row["ConsumedQuantity"] is None or row["ChargeCategory"] == "Usage"),
        {"ChargeCategory": "Adjustment"},
    )
    yield Rule(
        "ConsumedQuantity-C-006-C",
        (*seen, "ChargeClass"),
        each(
            lambda row: (
                row["ConsumedQuantity"] is not None
                or row["ChargeCategory"] != "Usage"
                or row["ChargeClass"] == "Correction"
            )
        ),
        {"ConsumedQuantity": None},
    )
    for name, beside, rule in (
        ("PricingUnit", "PricingQuantity", "PricingUnit-C-005-C and 006-C"),
        ("ConsumedUnit", "ConsumedQuantity", "ConsumedUnit: nullability"),
        ("RegionName", "RegionId", "RegionName: nullability"),
        ("SubAccountType", "SubAccountId", "SubAccountType: nullability"),
        ("SubAccountName", "SubAccountId", "SubAccountName: nullability"),
    ):
        for broken in (name, beside):
            yield Rule(f"{rule} ({broken})", (name, beside), each(both_or_none(name, beside)), {broken: None})
    for name, beside, rule in (
        ("SkuMeter", "SkuId", "SkuMeter: nullability"),
        ("SkuPriceDetails", "SkuPriceId", "SkuPriceDetails-C-004-C"),
    ):
        holds = each(lambda row, name=name, beside=beside: row[name] is None or row[beside] is not None)
        yield Rule(rule, (name, beside), holds, {beside: None})


def values() -> Iterable[Rule]:
    for name, allowed in ALLOWED.items():
        holds = cell(name, lambda value, allowed=allowed: value in allowed)
        yield Rule(f"{name}: allowed values", (name,), holds, {name: "Something Else"})
    yield Rule(
        "ChargeClass-C-005-C",
        ("ChargeClass",),
        cell("ChargeClass", lambda value: value == "Correction"),
        {"ChargeClass": "Refund"},
    )
    yield Rule(
        "ChargeFrequency: a purchase is not usage-based",
        ("ChargeFrequency", "ChargeCategory"),
        each(lambda row: row["ChargeCategory"] != "Purchase" or row["ChargeFrequency"] != "Usage-Based"),
        {"ChargeCategory": "Purchase"},
    )
    yield Rule(
        "ServiceSubcategory: allowed values, of its category",
        ("ServiceSubcategory", "ServiceCategory"),
        each(
            lambda row: (
                row["ServiceCategory"] != "AI and Machine Learning" or row["ServiceSubcategory"] in {None, *OF_AI}
            )
        ),
        {"ServiceSubcategory": "Containers"},
    )
    for name in ("ContractedUnitPrice", "ListUnitPrice"):
        yield Rule(
            f"{name}-C-008-M: not below zero" if name == "ListUnitPrice" else f"{name}: not below zero",
            (name,),
            each(lambda row, name=name: (number(row[name]) or Decimal(0)) >= 0),
            {name: "-2.5"},
        )
    yield Rule(
        "SkuPriceDetails: keys are of FOCUS, or begin with x_",
        ("SkuPriceDetails",),
        cell(
            "SkuPriceDetails",
            lambda value: all(key in SKU_DETAILS or key.startswith("x_") for key, _ in pairs(value) or ()),
        ),
        {"SkuPriceDetails": '{"Model": "gpt-4o"}'},
    )


def relations() -> Iterable[Rule]:
    for cost, price, rule in (
        ("ListCost", "ListUnitPrice", "ListUnitPrice-C-010-C"),
        ("ContractedCost", "ContractedUnitPrice", "ContractedUnitPrice: product"),
    ):
        seen = (cost, price, "PricingQuantity", "ChargeClass")
        for broken in (cost, price, "PricingQuantity"):
            yield Rule(f"{rule} ({broken})", seen, each(is_product(cost, price)), {broken: "3"})
        seen = (cost, price, "BilledCost", "ChargeCategory")
        changed = {price: None, cost: "0.1", "ChargeCategory": "Credit"}
        yield Rule(f"{cost}: without a unit price", seen, each(is_billed(cost, price)), changed)
    yield Rule(
        "EffectiveCost: of what is neither usage nor a purchase",
        ("EffectiveCost", "BilledCost", "ChargeCategory"),
        each(
            lambda row: (
                row["ChargeCategory"] in {"Usage", "Purchase", "Tax"}
                or number(row["EffectiveCost"]) == number(row["BilledCost"])
            )
        ),
        {"ChargeCategory": "Adjustment", "EffectiveCost": "0.4"},
    )
    yield Rule(
        "BilledCost-C-005-C",
        ("BilledCost", "ProviderName", "InvoiceIssuerName"),
        each(lambda row: row["ProviderName"] == row["InvoiceIssuerName"] or number(row["BilledCost"]) == 0),
        {"InvoiceIssuerName": "OpenRouter"},
    )
    for kind in ("Billing", "Charge"):
        start, end = f"{kind}PeriodStart", f"{kind}PeriodEnd"
        yield Rule(
            f"{kind}PeriodEnd: after its start",
            (start, end),
            each(
                lambda row, start=start, end=end: (
                    not is_instant(row[start] or "")
                    or not is_instant(row[end] or "")
                    or instant(row[start]) < instant(row[end])
                )
            ),
            {end: VALID[start]},
        )
    for broken in ({"ChargePeriodStart": "2026-10-31T00:00:00Z"}, {"ChargePeriodEnd": "2026-12-02T00:00:00Z"}):
        yield Rule(
            f"ChargePeriod: usage lies in the billing period ({', '.join(broken)})",
            (*INSTANTS, "ChargeCategory"),
            each(is_covered),
            broken,
        )
    for child, parent, changed in (
        ("SkuPriceId", "SkuId", {"SkuId": "another"}),
        ("SkuPriceId", "SkuPriceDetails", {"SkuPriceDetails": '{"x_Model": "another"}'}),
        ("SkuId", "SkuMeter", {"SkuMeter": "Another"}),
        ("ServiceName", "ServiceCategory", {"ServiceCategory": "Other"}),
        ("ServiceName", "ServiceSubcategory", {"ServiceSubcategory": "Bots"}),
        ("SubAccountId", "SubAccountName", {"SubAccountName": "another"}),
        ("SubAccountId", "SubAccountType", {"SubAccountType": "Project"}),
        ("RegionId", "RegionName", {"RegionName": "another"}),
    ):
        yield Rule(f"{child}: has one {parent}", (child, parent), one_parent(child, parent), changed)


def is_covered(row: Row) -> bool:
    if row["ChargeCategory"] != "Usage" or not all(is_instant(row[name] or "") for name in INSTANTS):
        return True
    start, end = instant(row["ChargePeriodStart"]), instant(row["ChargePeriodEnd"])
    return instant(row["BillingPeriodStart"]) <= start and end <= instant(row["BillingPeriodEnd"])


RULES: tuple[Rule, ...] = (*presence(), *formats(), *structured_formats(), *nullability(), *values(), *relations())
