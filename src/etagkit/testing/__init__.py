"""Kits for testing what is built on etagkit, with any test runner: nothing here imports one."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "AsyncScriptedIO",
    "Behaviour",
    "ChangeDuring",
    "Chunked",
    "CloseDelimited",
    "Compute",
    "Cut",
    "CutChunked",
    "Document",
    "Drip",
    "EncodeGzip",
    "Ending",
    "Endless",
    "Exchange",
    "ExtraHeaders",
    "Fields",
    "Framing",
    "Garbage",
    "IgnoreConditions",
    "IgnoreIfRange",
    "IgnoreRange",
    "Late",
    "LoginPage",
    "NoHead405",
    "NoValidators",
    "Origin",
    "Outcome",
    "Pace",
    "Redirect",
    "Reply",
    "Request",
    "Reset",
    "ScriptedIO",
    "Stall",
    "Status",
    "Stop",
    "Together",
    "UnaskedPartial",
    "Visit",
    "Well",
    "When",
    "WrongLength",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._origin": ["Origin"],
        "._origin_behaviour": ["Behaviour", "Together", "Well", "When"],
        "._origin_bodies": [
            "Chunked",
            "CloseDelimited",
            "Cut",
            "CutChunked",
            "Drip",
            "Endless",
            "Late",
            "Reset",
            "Stall",
            "WrongLength",
        ],
        "._origin_kinds": ["ExtraHeaders", "Garbage", "LoginPage", "NoHead405", "Status"],
        "._origin_log": ["Exchange", "Outcome"],
        "._origin_model": [
            "Document",
            "Ending",
            "Fields",
            "Framing",
            "Pace",
            "Redirect",
            "Reply",
            "Request",
            "Stop",
            "Visit",
        ],
        "._origin_versions": [
            "ChangeDuring",
            "EncodeGzip",
            "IgnoreConditions",
            "IgnoreIfRange",
            "IgnoreRange",
            "NoValidators",
            "UnaskedPartial",
        ],
        "._scripted": ["AsyncScriptedIO", "Compute", "ScriptedIO"],
    },
)

if TYPE_CHECKING:
    from etagkit.testing._origin import Origin
    from etagkit.testing._origin_behaviour import Behaviour, Together, Well, When
    from etagkit.testing._origin_bodies import (
        Chunked,
        CloseDelimited,
        Cut,
        CutChunked,
        Drip,
        Endless,
        Late,
        Reset,
        Stall,
        WrongLength,
    )
    from etagkit.testing._origin_kinds import ExtraHeaders, Garbage, LoginPage, NoHead405, Status
    from etagkit.testing._origin_log import Exchange, Outcome
    from etagkit.testing._origin_model import (
        Document,
        Ending,
        Fields,
        Framing,
        Pace,
        Redirect,
        Reply,
        Request,
        Stop,
        Visit,
    )
    from etagkit.testing._origin_versions import (
        ChangeDuring,
        EncodeGzip,
        IgnoreConditions,
        IgnoreIfRange,
        IgnoreRange,
        NoValidators,
        UnaskedPartial,
    )
    from etagkit.testing._scripted import AsyncScriptedIO, Compute, ScriptedIO
