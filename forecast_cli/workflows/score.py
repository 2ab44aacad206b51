class ScoreResult:
    alarms: tuple[str, ...] = ()
