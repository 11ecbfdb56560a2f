"""`sophia-metrics doctor`: how everything is, in one look."""

from datetime import UTC, datetime

from sophia_metrics.cli.diagnosis import Diagnosis, diagnose
from sophia_metrics.cli.doctor_page import print_diagnosis
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["examine"]


def examine(*, is_json: bool, is_repairing: bool = False) -> bool:
    """Print the diagnosis, after what can be repaired was, where that is wanted; say whether nothing is down.

    Raises:
        ConfigurationError: the settings are wrong, so that nothing else can be looked at.
    """
    diagnosis = diagnose(load_settings(), naive_utc(datetime.now(UTC)), is_repairing=is_repairing)
    if is_json:
        print_facts(_facts(diagnosis))
    else:
        print_diagnosis(diagnosis)
    return diagnosis.is_well


def _facts(diagnosis: Diagnosis) -> dict[str, object]:
    return {"is_well": diagnosis.is_well, "diagnosis": diagnosis}
