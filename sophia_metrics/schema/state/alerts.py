"""State of alerts: rules, silences, episodes, messages, and who looks after which."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["ALERT_ACKNOWLEDGEMENTS", "ALERT_DELIVERIES", "ALERT_EPISODES", "ALERT_RULES", "ALERT_SILENCES"]

TEXT, INSTANT, COUNT, REAL = Kind.TEXT, Kind.INSTANT, Kind.COUNT, Kind.REAL

ALERT_RULES = Table(
    name="core_alert_rules",
    doc="The rules of alerts, and since when each holds.",
    key=("rule", "subject", "valid_from_at"),
    columns=(
        Column("rule", TEXT, "Name of the rule, such as budget-80, service-down or flow-late.", True),
        Column("kind", TEXT, "budget, forecast, anomaly, price, reconciliation, service or flow.", True),
        Column("subject", TEXT, "The budget, service or flow that it watches. Null: every one of its kind."),
        Column("severity", TEXT, "warning or critical.", True),
        Column(
            "threshold",
            REAL,
            "The share of a limit at and above which it fires. Null: it fires at a status, which its name tells.",
        ),
        Column("fire_after_seconds", COUNT, "For so long the condition must be met.", True),
        Column("resolve_after_seconds", COUNT, "For so long it must be clear.", True),
        Column("valid_from_at", INSTANT, "Since when the rule holds (UTC).", True),
        Column("valid_to_at", INSTANT, "First instant at which it no longer holds (UTC). Null: it holds."),
    ),
    storage=Storage.STATE,
)

ALERT_SILENCES = Table(
    name="core_alert_silences",
    doc="When which alerts are not sent. What was sent before a silence still resolves.",
    key=("silence_id",),
    columns=(
        Column("silence_id", TEXT, "Which one.", True),
        Column("rule", TEXT, "The rule that is silent; * stands for any letters. Null: every rule."),
        Column("subject", TEXT, "The budget, service or flow that is silent. Null: each of them."),
        Column("starts_at", INSTANT, "From then on (UTC).", True),
        Column("ends_at", INSTANT, "Until then, exclusive (UTC). Null: until it is ended."),
        Column("reason", TEXT, "Why."),
        Column("scope_type", TEXT, "What must be watched: team, service, …. Null: anything."),
        Column("scope_value", TEXT, "Which of them. Null: any."),
        Column("created_by", TEXT, "Who made it. Null: nobody said."),
        Column("created_at", INSTANT, "When it was made (UTC). Null: not noted."),
    ),
    storage=Storage.STATE,
)

ALERT_EPISODES = Table(
    name="core_alert_episodes",
    doc="Alerts, from when a condition is met to when it is over. A budget has one for each period and threshold.",
    key=("episode_id",),
    columns=(
        Column("episode_id", TEXT, "Which one. The dedup key of its messages is this, after sophia-.", True),
        Column(
            "fingerprint",
            TEXT,
            "Which alert, beginning with the kind: budget/<name>/<first day of the period>/<threshold>, forecast/ the same,"
            " service/<name>/<status>, flow/<name>/late, anomaly/<id>, price/<id>,"
            " reconciliation/<provider>/<account>/<month>.",
            True,
        ),
        Column("episode_number", COUNT, "The how-manieth episode of the fingerprint, from 1.", True),
        Column("rule", TEXT, "The rule in core_alert_rules.", True),
        Column("severity", TEXT, "warning or critical.", True),
        Column("scope_type", TEXT, "What is watched: all, team, …; service; flow.", True),
        Column("scope_value", TEXT, "Which of them. Null: there is only one."),
        Column("subject", TEXT, "Name of the budget, service or flow.", True),
        Column(
            "state",
            TEXT,
            "pending: not yet for long enough; firing; suppressed: kept back by a silence, a window of maintenance, a service"
            " that is down, a graver alert or the cool-down; resolved.",
            True,
        ),
        Column("opened_at", INSTANT, "Since when the condition is met (UTC).", True),
        Column("threshold", REAL, "The share of a limit at which it fires. Null: it fires at a status."),
        Column("observed", REAL, "The share of the limit that was seen last. Null: unknown, or there is no limit."),
        Column("message", TEXT, "The last sentence about it.", True),
        Column("evidence", TEXT, "The figures behind it, as JSON.", True),
        Column("fired_at", INSTANT, "When it fired (UTC). Null: it never did, and nobody was told."),
        Column(
            "clear_since_at",
            INSTANT,
            "Since when the condition is clear while the episode is open (UTC). Null: it is not.",
        ),
        Column("resolved_at", INSTANT, "When it was over (UTC). Null: it is open."),
        Column(
            "held_count", COUNT, "In how many states of the data the condition was met before it fired. Null: as 1."
        ),
        Column("held_basis", TEXT, "The last of these states. Null: the rule does not tell them apart."),
        Column(
            "kept_back_by",
            TEXT,
            "What keeps its beginning back, or its reminders once it fires: silence/<id>, maintenance/<name>, service/<name>,"
            " alert/<rule> (a graver one), cool-down. Null: nothing, or it is not known.",
        ),
    ),
    storage=Storage.STATE,
)

ALERT_DELIVERIES = Table(
    name="core_alert_deliveries",
    doc="Every message about an alert to a channel, and what became of it. Who was told of an alert is told when it is over.",
    key=("episode_id", "channel", "kind", "sequence_number"),
    columns=(
        Column("episode_id", TEXT, "The episode in core_alert_episodes.", True),
        Column("channel", TEXT, "Name of the notifier.", True),
        Column(
            "kind",
            TEXT,
            "fire; remind; acknowledge: somebody looks after it; correct: the resolve before it no longer holds; resolve.",
            True,
        ),
        Column("sequence_number", COUNT, "Place among the messages of the episode to the channel, from 1.", True),
        Column(
            "observed", REAL, "The share of the limit that the message speaks of. Null: unknown, or there is no limit."
        ),
        Column("message", TEXT, "The sentence that is sent.", True),
        Column("created_at", INSTANT, "When it was decided (UTC).", True),
        Column("status", TEXT, "pending; sent; failed: refused by the receiver, or given up after seven days.", True),
        Column("attempt_count", COUNT, "How often it was sent.", True),
        Column("next_attempt_at", INSTANT, "Not before then (UTC). Null: finished."),
        Column("response", TEXT, "The last answer, a status code and a word. Null: none yet."),
        Column("finished_at", INSTANT, "When it was sent or given up (UTC). Null: neither."),
        Column("group_id", TEXT, "What goes in one message with it has the same. Null: it goes alone."),
    ),
    storage=Storage.STATE,
)

ALERT_ACKNOWLEDGEMENTS = Table(
    name="core_alert_acknowledgements",
    doc="Who looks after which alert. While one holds nobody is reminded of the alert.",
    key=("episode_id", "acknowledged_at"),
    columns=(
        Column("episode_id", TEXT, "The episode in core_alert_episodes.", True),
        Column(
            "acknowledged_at",
            INSTANT,
            "Since when (UTC). It holds until the episode is over.",
            True,
        ),
        Column("acknowledged_by", TEXT, "Who. Null: nobody said."),
        Column("note", TEXT, "What they say. Null: nothing."),
    ),
    storage=Storage.STATE,
)
