"""What is true about behaviour, as numbers: phases, chances and rates, copied into truth.json."""

from __future__ import annotations

from dataclasses import dataclass

P0, P1, P2, P3, P4, P5, P6, PX = range(8)
PHASES = ["P0", "P1", "P2", "P3", "P4", "P5", "P6", "PX"]
CALL_CHANNELS = ["visit", "remote", "phone", "event", "briefing"]
REACTIONS = ["none", "positive", "neutral", "negative", "question"]
USAGE = ["none", "trial", "continued", "stopped"]
WEB_ACTIONS = ["page_view", "view", "search", "download"]
STAGES = [
    "知らない",
    "知っている",
    "関心がある",
    "検討中",
    "使用経験あり(1-4例)",
    "継続して使用",
    "使用を中止した",
]
VISIT, REMOTE, PHONE, EVENT, BRIEFING = range(5)


@dataclass(frozen=True)
class Parameters:
    """Everything that is true about behaviour; copied into truth.json."""

    initial_phase: tuple[float, ...] = (0.35, 0.27, 0.18, 0.09, 0.06, 0.035, 0.005, 0.01)
    forward_per_month: tuple[float, ...] = (0.04, 0.07, 0.08, 0.07, 0.05, 0.01, 0.0, 0.03)
    lapse_per_month: float = 0.008
    webinar_effect_per_month: float = 0.10
    portal_effect_per_month: float = 0.0
    initiative_effect_per_month: float = 0.08
    small_pilot_effect_per_month: float = 0.05
    webinar_exposure: tuple[float, ...] = (0.05, 0.07, 0.10, 0.10, 0.09, 0.08, 0.08, 0.03)
    webinar_hospital_factor: float = 1.3
    portal_exposure: tuple[float, ...] = (0.06, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.06)
    portal_read_rate: float = 0.24
    portal_read_rate_preferred: float = 0.55
    pull_act_per_month: float = 0.72
    request_per_month: float = 0.45
    continued_statement_per_month: float = 0.35
    calls_per_target_month: float = 1.25
    calls_per_other_month: float = 0.25
    effective_call_rate: float = 0.5
    mr_email_per_month: float = 0.8
    hq_email_per_month: float = 1.4
    product_email_share: float = 0.7
    click_rate: float = 0.07
    click_rate_preferred: float = 0.25
    bounce_rate: float = 0.02
    drop_rate: float = 0.01
    human_open_rate: float = 0.3
    privacy_proxy_share: float = 0.15
    gateway_share: float = 0.06
    opt_out_per_month: float = 0.003
    explicit_follow_up_share: float = 0.2
    survey_response_rate: float = 0.24
    survey_misreport_rate: float = 0.03
    inquiry_on_label_per_month: float = 0.025
    inquiry_off_label_per_month: float = 0.004
