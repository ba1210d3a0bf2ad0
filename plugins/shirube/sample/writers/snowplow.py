"""The company site's log as Snowplow enriches it: 131 tab-separated fields, no header, gzip, monthly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.columns import Array
from shirube.sample.company import Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size
from shirube.sample.parameters import WEB_ACTIONS
from shirube.sample.writers.files import FileLog, csv_bytes, gzip_bytes, utc

FIELDS = [
    "app_id", "platform", "etl_tstamp", "collector_tstamp", "dvce_created_tstamp", "event", "event_id",
    "txn_id", "name_tracker", "v_tracker", "v_collector", "v_etl", "user_id", "user_ipaddress",
    "user_fingerprint", "domain_userid", "domain_sessionidx", "network_userid", "geo_country",
    "geo_region", "geo_city", "geo_zipcode", "geo_latitude", "geo_longitude", "geo_region_name",
    "ip_isp", "ip_organization", "ip_domain", "ip_netspeed", "page_url", "page_title", "page_referrer",
    "page_urlscheme", "page_urlhost", "page_urlport", "page_urlpath", "page_urlquery",
    "page_urlfragment", "refr_urlscheme", "refr_urlhost", "refr_urlport", "refr_urlpath",
    "refr_urlquery", "refr_urlfragment", "refr_medium", "refr_source", "refr_term", "mkt_medium",
    "mkt_source", "mkt_term", "mkt_content", "mkt_campaign", "contexts", "se_category", "se_action",
    "se_label", "se_property", "se_value", "unstruct_event", "tr_orderid", "tr_affiliation", "tr_total",
    "tr_tax", "tr_shipping", "tr_city", "tr_state", "tr_country", "ti_orderid", "ti_sku", "ti_name",
    "ti_category", "ti_price", "ti_quantity", "pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min",
    "pp_yoffset_max", "useragent", "br_name", "br_family", "br_version", "br_type", "br_renderengine",
    "br_lang", "br_features_pdf", "br_features_flash", "br_features_java", "br_features_director",
    "br_features_quicktime", "br_features_realplayer", "br_features_windowsmedia", "br_features_gears",
    "br_features_silverlight", "br_cookies", "br_colordepth", "br_viewwidth", "br_viewheight", "os_name",
    "os_family", "os_manufacturer", "os_timezone", "dvce_type", "dvce_ismobile", "dvce_screenwidth",
    "dvce_screenheight", "doc_charset", "doc_width", "doc_height", "tr_currency", "tr_total_base",
    "tr_tax_base", "tr_shipping_base", "ti_currency", "ti_price_base", "base_currency", "geo_timezone",
    "mkt_clickid", "mkt_network", "etl_tags", "dvce_sent_tstamp", "refr_domain_userid",
    "refr_dvce_tstamp", "derived_contexts", "domain_sessionid", "derived_tstamp", "event_vendor",
    "event_name", "event_format", "event_version", "event_fingerprint", "true_tstamp",
]  # fmt: skip

_AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile Safari/604.1",
]
_CHUNK = 50_000
_PLAIN_PAGES = ["/disease/overview", "/news/index", "/seminar/calendar", "/support/faq"]


def write(log: FileLog, company: Company, month: Month, defects: Defects, tracking_off_from: Array) -> None:
    """Write one month's log: a run folder in the first half of the period, a flat file in the second."""
    frame = month.web
    plan = defects.web_rows(frame, company, tracking_off_from)
    order = np.argsort(frame["moment"], kind="stable")
    chunks: list[bytes] = []
    count = 0
    for first in range(0, len(order), _CHUNK):
        chunks.append(_text(company, frame, plan.user_ids, order[first : first + _CHUNK]))
        count += len(order[first : first + _CHUNK])
    again = _text(company, frame, plan.user_ids, plan.repeated)  # at-least-once delivery
    broken = b"".join(
        b"\t".join(line.split(b"\t")[:57]) + b"\n" for line in again.splitlines()[: plan.broken]
    )
    content = gzip_bytes([*chunks, again, defects.carried_web_rows, broken])
    count += len(plan.repeated) + defects.carried_web_rows.count(b"\n") + plan.broken
    bad = {"too_few_columns": plan.broken}
    defects.counts["web_repeated_rows"] += defects.carried_web_rows.count(b"\n")
    defects.carried_web_rows = _text(company, frame, plan.user_ids, plan.repeated_next)
    day = company.period.month_start(month.index + 1)
    if defects.web_truncated(month.index):
        name = _name(company, month.index, day, 0)
        log.write(
            "web_snowplow",
            name,
            content[: len(content) * 3 // 5],
            count,
            file_reason="truncated_file",
            note="truncated",
        )
        day += 1
    log.write("web_snowplow", _name(company, month.index, day, 0), content, count, quarantined=bad)


def _name(company: Company, month: int, day: int, part: int) -> str:
    if month < company.period.months // 2:
        return f"run={np.datetime64(day, 'D')}-00-00-00/part-{part:05d}.tsv.gz"
    return f"web_{np.datetime64(day, 'D')}".replace("-", "") + ".tsv.gz"


def _text(company: Company, whole: Frame, user_ids: pa.StringArray, chosen: Array) -> bytes:
    """The chosen events as lines; most have all 131 fields, some lost their trailing empty ones."""
    frame = rows(whole, chosen)
    lines = _lines(company, frame, user_ids.take(pa.array(chosen)))
    return "".join(line + tail + "\n" for line, tail in zip(lines, _tails(frame), strict=True)).encode()


def _lines(company: Company, frame: Frame, user_ids: pa.StringArray) -> list[str]:
    """The first 129 fields of each event."""
    count = size(frame)
    moment = utc(frame["moment"])
    product = frame["product"]
    action = frame["action"]
    who = frame["physician"]
    slug = col.pick([p[0].lower() for p in names.PRODUCTS], product)
    content = col.pick(company.contents.ids, frame["content"])
    path = pa.compute.coalesce(
        col.join("/products/", slug, "/", content), col.pick(_PLAIN_PAGES, who % len(_PLAIN_PAGES))
    )
    title = pa.compute.coalesce(
        col.pick(company.contents.titles, frame["content"]), col.constant("医療関係者の皆さま", count)
    )
    struct = action > 0
    mobile = who % 3 == 0
    values: dict[str, pa.StringArray] = {
        "app_id": col.pick(["medical-site", "medical-site-staging"], (frame["visitor"] == 3).astype(int)),
        "platform": col.constant("web", count),
        "etl_tstamp": col.plain_instants(moment + 3600, ".000"),
        "collector_tstamp": col.plain_instants(moment + 1, ".214"),
        "dvce_created_tstamp": col.plain_instants(moment, ".101"),
        "event": col.pick(["page_view", "struct"], struct.astype(int)),
        "event_id": col.uuids(frame["number"], 5),
        "name_tracker": col.constant("sp1", count),
        "v_tracker": col.constant("js-3.24.0", count),
        "v_collector": col.constant("ssc-3.2.0-kinesis", count),
        "v_etl": col.constant("enrich-kinesis-5.1.0", count),
        "user_id": user_ids,
        "user_ipaddress": col.join("198.51.100.", col.integers(who % 250 + 1)),
        "domain_userid": col.uuids(who, 6),
        "domain_sessionidx": col.constant("1", count),
        "network_userid": col.uuids(who, 7),
        "geo_country": col.constant("JP", count),
        "page_url": col.join("https://medical.company.example", path),
        "page_title": title,
        "page_urlscheme": col.constant("https", count),
        "page_urlhost": col.constant("medical.company.example", count),
        "page_urlport": col.constant("443", count),
        "page_urlpath": path,
        "se_category": col.mask(col.constant("content", count), struct),
        "se_action": col.mask(col.pick(WEB_ACTIONS, action), struct),
        "se_label": col.mask(content, struct),
        "se_value": col.mask(col.join(col.integers(frame["seconds"]), ".0"), struct),
        "useragent": col.pick(_AGENTS, mobile.astype(int)),
        "br_name": col.pick(["Chrome 12", "Mobile Safari"], mobile.astype(int)),
        "br_family": col.pick(["Chrome", "Safari"], mobile.astype(int)),
        "br_lang": col.constant("ja-JP", count),
        "br_cookies": col.constant("1", count),
        "os_timezone": col.constant("Asia/Tokyo", count),
        "dvce_type": col.pick(["Computer", "Mobile"], mobile.astype(int)),
        "dvce_ismobile": col.pick(["0", "1"], mobile.astype(int)),
        "doc_charset": col.constant("UTF-8", count),
        "geo_timezone": col.constant("Asia/Tokyo", count),
        "dvce_sent_tstamp": col.plain_instants(moment, ".350"),
        "domain_sessionid": col.uuids(frame["session"], 8),
        "derived_tstamp": col.plain_instants(moment, ".101"),
        "event_vendor": col.constant("com.snowplowanalytics.snowplow", count),
        "event_name": col.pick(["page_view", "event"], struct.astype(int)),
        "event_format": col.constant("jsonschema", count),
        "event_version": col.constant("1-0-0", count),
    }
    empty = pa.nulls(count, pa.string())
    table = pa.table({name: values.get(name, empty) for name in FIELDS[:129]})
    return csv_bytes(table, header=False, quoted=False, delimiter="\t").decode().splitlines()


def _tails(frame: Frame) -> list[str]:
    """Fingerprint and true_tstamp: most rows have both fields, some lost their trailing empty ones."""
    prints = col.hashes(frame["number"], 12).to_pylist()
    shapes = (frame["number"] % 50).tolist()
    tails = []
    for fingerprint, shape in zip(prints, shapes, strict=True):
        tails.append("" if shape == 0 else f"\t{fingerprint}" if shape < 8 else f"\t{fingerprint}\t")
    return tails
