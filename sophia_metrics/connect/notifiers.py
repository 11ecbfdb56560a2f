"""Notifiers, with the secrets that their settings name."""

from pydantic import SecretStr

from sophia_metrics.alerts.notifier import Notifier
from sophia_metrics.alerts.settings import NotifierSettings
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import read_variable

__all__ = ["connect_notifier"]

SECRETS = {
    "webhook": "the key of its signatures",
    "pagerduty": "its integration key",
    "prefect": "the key of the Prefect API",
}


def connect_notifier(notifier: NotifierSettings) -> Notifier:
    """Return one notifier, with the secrets that its settings name.

    Raises:
        ConfigurationError: a variable that the settings name is not set.
    """
    from sophia_metrics.notifiers.by_apprise import AppriseNotifier
    from sophia_metrics.notifiers.pagerduty import ENQUEUE_URL, PagerDutyNotifier
    from sophia_metrics.notifiers.prefect_events import PrefectEventsNotifier
    from sophia_metrics.notifiers.slack import SlackNotifier
    from sophia_metrics.notifiers.webhook import WebhookNotifier

    name = notifier.name
    url = _secret(name, notifier.url_env, "its URL") if notifier.url_env else SecretStr(ENQUEUE_URL)
    key = _secret(name, notifier.secret_env, SECRETS[notifier.kind]) if notifier.secret_env else SecretStr("")
    match notifier.kind:
        case "webhook":
            return WebhookNotifier(name, url, key)
        case "slack":
            return SlackNotifier(name, url)
        case "pagerduty":
            return PagerDutyNotifier(name, key, url.get_secret_value())
        case "apprise":
            return AppriseNotifier(name, url)
        case "prefect":
            return PrefectEventsNotifier(name, url, key if notifier.secret_env else None)


def _secret(notifier: str, variable: str, what: str) -> SecretStr:
    value = read_variable(variable)
    if value is None:
        raise ConfigurationError(
            f"notifier {notifier} waits for {what}: set the variable {variable} in the environment"
        )
    return SecretStr(value)
