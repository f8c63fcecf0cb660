"""Who may ask what: one row for each address pattern, one call for each method. The roles are written out here, apart
from the product's own table of rights, so that a slip there shows.

Whatever is not declared answers 405 to people who are signed in. Strangers are sent to the sign-in by pages and get
401 from the API. Objects of other teams and objects that do not exist answer alike.
"""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.analysis.makers import card

EVERYONE = frozenset({"observer", "reader", "technician", "lead", "researcher", "administrator"})
ADMINISTRATORS = frozenset({"administrator"})
LEADS = frozenset({"lead", "administrator"})
READERS = frozenset({"reader", "lead", "administrator"})
HANDS = frozenset({"technician", "lead", "administrator"})
DRAWERS = READERS | HANDS
EXPORTERS = READERS | {"researcher"}
NOT_OBSERVERS = EVERYONE - {"observer"}


@dataclass(frozen=True)
class Call:
    """One method of a route: who may, what it answers them, and what must be sent for it."""

    who: frozenset[str] = EVERYONE
    ok: int = 200
    data: Callable | None = None  # (world, id of the object) -> body: a dict is sent as JSON or form, bytes as they are
    headers: Callable = lambda world, pk: {}
    outside: int = 404  # for objects of other teams, and for missing ones
    foreign_to_administrator: int | None = None  # where it differs from `ok`


@dataclass(frozen=True)
class Row:
    calls: dict[str, Call]
    of: str | None = None  # kind of the object that the address or the body names
    public: bool = False
    options: int = 405  # answer to OPTIONS
    preflight: bool = False  # OPTIONS says the same to everybody of everything (CORS)
    shared: bool = False  # objects of the installation, which every signed-in person sees
    private: bool = False  # objects of one person, which not even administrators see
    hidden: bool = False  # those who may not are told so before anybody looks for the object
    values: dict = field(default_factory=dict)  # of further parameters in the address


def api(of=None, **kwargs) -> Row:
    calls = {name.upper(): kwargs.pop(name) for name in list(kwargs) if isinstance(kwargs[name], Call)}
    return Row(calls, of=of, options=kwargs.pop("options", 200), **kwargs)


def page(of=None, **kwargs) -> Row:
    calls = {name.upper(): kwargs.pop(name) for name in list(kwargs) if isinstance(kwargs[name], Call)}
    return Row(calls, of=of, **kwargs)


def _import(world, slide) -> dict:
    content = base64.b64encode(b"x,y,probability\n50,60,0.9\n").decode()
    return {"slide": str(slide), "content": content, "detector": "another"}


def _training(world, data_set) -> dict:
    return {"base": str(world.training_run.base_id), "data_set": str(data_set), "recipe": "fine-tune"}


def _clause(world, gate) -> dict:
    return {"code": "f1", "passes": True, "reason": "x"}


def _reason(world, pk) -> dict:
    return {"reason": "x"}


def _encoded(**metadata) -> str:
    return ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in metadata.items())


def _tus(world, pk) -> dict:
    return {"Tus-Resumable": "1.0.0"}


def _new_upload(world, case) -> dict:
    return _tus(world, case) | {"Upload-Length": "10", "Upload-Metadata": _encoded(filename="a.svs", case=case)}


def _piece(world, pk) -> dict:
    return _tus(world, pk) | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}


def _model_upload(world, pk) -> dict:
    return {"card": json.dumps(card(name="sent in a test")), "length": 1000}


def _polygon(world, slide) -> dict:
    return {"slide": str(slide), "name": "R", "polygon": [[10, 10], [300, 10], [300, 300]]}


def _areas(world, slide) -> dict:
    square = [[10, 10], [300, 10], [300, 300], [10, 300], [10, 10]]
    return {"kind": "tumour", "geojson": {"type": "Polygon", "coordinates": [square]}}


def _verdict(world, pk) -> dict:
    return {"id": str(uuid.uuid4()), "detection": world.detection_of(pk), "label": "mitosis"}


def _comment(world, pk) -> dict:
    return {"id": str(uuid.uuid4()), "detection": world.detection_of(pk), "text": "A ring?"}


def _look(world, pk) -> dict:
    return {"id": str(uuid.uuid4()), "x_l0": 100, "y_l0": 100, "radius_um": 275}


def _draw(world, pk) -> dict:
    return {"id": str(uuid.uuid4()), "field_um": 100}  # small ones, so that some are unmarked


def _protocol(world, pk) -> dict:
    square = {"name": "own", "version": 1, "shape": "square", "area_mm2": 1}
    return square | {"sources": {"area_mm2": "measured here"}}


PLAIN = {"name": "plain", "version": 1}
LOOK = Call()
STEER = Call(HANDS, 302)
MANAGE = Call(LEADS, 302)

PAGES = {
    "": page(**{name: Call(ok=302) for name in ("get", "post", "put", "patch", "delete")}, options=302),
    "healthz": page(get=LOOK, public=True),
    "readyz": page(get=LOOK, public=True),
    # Without its key an invitation is a closed one, for everybody.
    "invitation/": page(get=Call(ok=404), post=Call(ok=404), public=True),
    "team/": page(get=LOOK),
    "team/switch/": page("team", post=Call(ok=302, data=lambda world, team: {"team": team})),
    "team/arrival/": page(post=Call(LEADS, 302, lambda world, pk: {"analyse": "on"})),
    "team/new/": page(post=Call(ADMINISTRATORS, 302, lambda world, pk: {"name": "Another"})),
    "team/invitations/": page(post=Call(LEADS, 302, lambda world, pk: {"role": "reader"})),
    "team/invitations/<uuid:pk>/revoke/": page("invitation", post=MANAGE),
    "team/members/<int:pk>/role/": page("membership", post=Call(LEADS, 302, lambda world, pk: {"role": "observer"})),
    "team/members/<int:pk>/remove/": page("membership", post=MANAGE),
    "team/undo/": page(post=MANAGE),
    "team/protocols/": page(post=Call(LEADS, 302, lambda world, pk: {"tumour": "breast", "protocol": "gist:1"})),
    "team/protocols/<uuid:pk>/remove/": page("team_protocol", post=MANAGE),
    "account/": page(get=LOOK, post=Call(ok=302, data=lambda world, pk: {"first_name": "Ada"})),
    "account/tokens/": page(post=Call(NOT_OBSERVERS, 302, lambda world, pk: {"name": "x", "days": 1})),
    "account/tokens/<uuid:pk>/revoke/": page("token", post=Call(ok=302), private=True),
    "cases/": page(get=LOOK),
    "cases/new/": page(get=Call(HANDS), post=Call(HANDS)),
    "cases/<uuid:pk>/": page("case", get=LOOK),
    "cases/<uuid:pk>/slides/": page("case", get=LOOK),
    "cases/<uuid:pk>/count/": page("case", get=LOOK),
    "cases/<uuid:pk>/edit/": page("case", get=Call(HANDS), post=Call(HANDS)),
    "cases/<uuid:pk>/protocol/": page("case", post=Call(DRAWERS, 302, lambda world, pk: {"protocol": "gist:1"})),
    "cases/<uuid:pk>/erase/": page("case", get=Call(LEADS, ok=302), post=MANAGE),
    "slides/<uuid:pk>/erase/": page("slide", get=Call(LEADS, ok=302), post=MANAGE),
    "uploads/": page(get=LOOK),
    "quarantine/": page(get=Call(ADMINISTRATORS)),
    "quarantine/<uuid:pk>/release/": page(
        "slide", post=Call(ADMINISTRATORS, 302, lambda world, pk: {"reason": "looked at it"})
    ),
    "slides/<uuid:pk>/": page("slide", get=LOOK),
    "slides/<uuid:pk>/gallery/": page("slide", get=LOOK),
    "slides/<uuid:pk>/compare/<uuid:other>/": page("slide", get=LOOK),
    "jobs/": page(get=LOOK),
    "jobs/changes/": page(get=LOOK),
    "jobs/<uuid:pk>/cancel/": page("job", post=STEER),
    "jobs/<uuid:pk>/retry/": page("job", post=STEER),
    "models/": page(get=LOOK),
    "models/compare/": page(get=LOOK),
    "models/<uuid:pk>/": page("model", get=LOOK, shared=True),
    "models/<uuid:pk>/gate/": page("model", post=Call(ADMINISTRATORS, 302), shared=True),
    "models/gates/<uuid:pk>/": page("gate", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "models/gates/<uuid:pk>/pictures/<path:name>": page(
        "gate", get=Call(ADMINISTRATORS, 404), shared=True, hidden=True, values={"name": "f1.png"}
    ),
    "models/gates/<uuid:pk>/look/": page("gate", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True),
    "models/gates/<uuid:pk>/approve/": page("gate", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True),
    "models/gates/<uuid:pk>/override/": page("gate", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True),
    "models/gates/overrides/<uuid:pk>/settle/": page(
        "override", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True
    ),
    "models/<uuid:pk>/replay/": page("model", post=Call(ADMINISTRATORS, 302), shared=True),
    "replays/": page(get=Call(ADMINISTRATORS)),
    "replays/new/": page(post=Call(ADMINISTRATORS, 302)),
    "replays/<uuid:pk>/": page("replay", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "protocols/": page(get=LOOK),
    "protocols/new/": page(get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS)),
    "protocols/<str:name>/<int:version>/": page(get=LOOK, values=PLAIN),
    "protocols/<str:name>/<int:version>/copy/": page(get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS), values=PLAIN),
    "protocols/<str:name>/<int:version>/switch/": page(post=Call(ADMINISTRATORS, 302), values=PLAIN),
    "training/": page(get=Call(ADMINISTRATORS)),
    "training/new/": page(get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS)),
    "training/<uuid:pk>/": page("training_run", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "training/<uuid:pk>/pause/": page("training_run", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True),
    "training/<uuid:pk>/go-on/": page("training_run", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True),
    "training/<uuid:pk>/cancel/": page("training_run", post=Call(ADMINISTRATORS, 302), shared=True, hidden=True),
    "learning/": page(get=Call(ADMINISTRATORS)),
    "learning/new/": page(get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS)),
    "learning/preview/": page(get=Call(ADMINISTRATORS)),
    "learning/<uuid:pk>/": page("data_set", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "learning/locked/": page(
        "slide", get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS, 302, lambda world, pk: {"slide": pk}), hidden=True
    ),
    "learning/locked/<uuid:pk>/withdraw/": page(
        "lock", post=Call(ADMINISTRATORS, 302, lambda world, pk: {"reason": "x"}), shared=True, hidden=True
    ),
    "cases/<uuid:pk>/learning/": page("case", post=Call(LEADS, 302, lambda world, pk: {"reason": "x"})),
    "api/docs/": page(get=LOOK, options=200),
}

API = {
    "api/whoami/": api(get=LOOK),
    "api/schema/": api(get=LOOK),
    "api/teams/": api(get=LOOK),
    "api/teams/<pk>/": api("team", get=LOOK),
    "api/teams/<pk>/members/": api("team", get=LOOK),
    "api/jobs/": api(get=LOOK),
    "api/jobs/<pk>/": api("job", get=LOOK),
    "api/cases/": api(
        "team", get=LOOK, post=Call(HANDS, 201, lambda world, team: {"team": team, "accession": "N"}, outside=400)
    ),
    "api/cases/<pk>/": api(
        "case",
        get=LOOK,
        patch=Call(HANDS, 200, lambda world, pk: {"organ": "breast"}, lambda world, pk: {"If-Match": "1"}),
        delete=Call(LEADS, 204),
    ),
    "api/cases/<uuid:pk>/analyse/": api("case", get=LOOK, post=Call(HANDS)),
    "api/cases/<uuid:pk>/protocol/": api("case", get=LOOK, put=Call(DRAWERS, 200, lambda world, pk: {"name": "gist"})),
    # No slide of another case is this case's.
    "api/cases/<pk>/pixel_size/": api(
        "case", post=Call(HANDS, 404, lambda world, pk: {"slides": [str(uuid.uuid4())], "mpp_x": 0.25})
    ),
    "api/slides/": api(get=LOOK),
    "api/slides/<pk>/": api(
        "slide", get=LOOK, patch=Call(HANDS, 200, lambda world, pk: {"label": "B"}), delete=Call(LEADS, 204)
    ),
    # The slides of this world are ready, so there is nothing to release.
    "api/slides/<uuid:pk>/release/": api(
        "slide", post=Call(ADMINISTRATORS, 409, lambda world, pk: {"reason": "looked at it"})
    ),
    "api/quarantine/": api(get=Call(ADMINISTRATORS)),
    "api/protection/": api(get=Call(ADMINISTRATORS)),
    # Nothing is asked about the slides of this world.
    "api/slides/<pk>/doubts/": api("slide", post=Call(HANDS, 409, lambda world, pk: {"answer": "as_told"})),
    # Their files hold one picture each.
    "api/slides/<pk>/scenes/": api("slide", post=Call(HANDS, 400, lambda world, pk: {"scene": 1})),
    "api/slides/<pk>/stain/": api("slide", get=LOOK),
    "api/slides/<uuid:pk>/image.dzi": api("slide", get=LOOK),
    "api/slides/<uuid:pk>/image_files/<int:level>/<int:column>_<int:row>.jpeg": api(
        "slide", get=LOOK, values={"level": 10, "column": 0, "row": 0}
    ),
    "api/slides/<uuid:pk>/thumbnail.jpeg": api("slide", get=LOOK),
    "api/slides/<uuid:pk>/crop.jpeg": api(
        "slide", get=Call(data=lambda world, pk: {"x_l0": 500, "y_l0": 300, "size_px_l0": 100})
    ),
    "api/iiif/<uuid:pk>": api("slide", get=Call(ok=303), options=204, preflight=True),
    "api/iiif/<uuid:pk>/info.json": api("slide", get=LOOK, options=204, preflight=True),
    "api/iiif/<uuid:pk>/<str:region>/<str:size>/<str:rotation>/<str:quality>.<str:format>": api(
        "slide",
        get=LOOK,
        options=204,
        preflight=True,
        values={"region": "0,0,256,256", "size": "max", "rotation": "0", "quality": "default", "format": "jpg"},
    ),
    "api/uploads/": api("case", get=LOOK, post=Call(HANDS, 201, lambda world, pk: b"", _new_upload), options=204),
    "api/uploads/known/": api("case", post=Call(HANDS, 200, lambda world, case: {"case": str(case), "length": 5})),
    "api/uploads/<uuid:pk>/": api(
        "upload",
        get=LOOK,
        head=Call(headers=_tus, foreign_to_administrator=403),
        patch=Call(HANDS, 204, lambda world, pk: b"x", _piece, foreign_to_administrator=403),
        post=Call(HANDS, 200, lambda world, pk: {"label": "B"}, foreign_to_administrator=403),
        delete=Call(EVERYONE, 204, headers=_tus),
    ),
    "api/regions/": api("slide", get=LOOK, post=Call(DRAWERS, 201, _polygon, outside=400)),
    "api/regions/<pk>/": api(
        "region",
        get=LOOK,
        patch=Call(DRAWERS, 200, lambda world, pk: {"name": "N"}, lambda world, pk: {"If-Match": "1"}),
        delete=Call(DRAWERS, 204),
    ),
    "api/regions/<pk>/restore/": api("region", post=Call(DRAWERS)),
    "api/slides/<uuid:pk>/areas/import/": api("slide", post=Call(DRAWERS, 201, _areas)),
    "api/analyses/": api("slide", get=LOOK, post=Call(HANDS, 201, lambda world, slide: {"slide": str(slide)})),
    "api/analyses/<pk>/": api("analysis", get=LOOK),
    "api/analyses/import/": api("slide", post=Call(HANDS, 201, _import)),
    "api/analyses/import/preview/": api("slide", post=Call(HANDS, 200, _import)),
    "api/analyses/<pk>/withdraw/": api("analysis", post=Call(HANDS, 409)),
    "api/analyses/<pk>/changes/": api("analysis", get=LOOK),
    "api/analyses/<pk>/count/": api("analysis", get=LOOK),
    "api/analyses/<pk>/looks/": api("analysis", post=Call(READERS, 201, _look)),
    "api/analyses/<pk>/walk/": api("analysis", get=LOOK),
    "api/analyses/<pk>/missed/": api("analysis", get=LOOK, post=Call(READERS, 201, _draw)),
    "api/analyses/<pk>/cancel/": api("analysis", post=Call(HANDS)),
    "api/analyses/<pk>/retry/": api("analysis", post=Call(HANDS)),
    "api/analyses/<pk>/explanations/": api("analysis", post=Call(NOT_OBSERVERS, 409)),
    "api/analyses/<pk>/verdicts/": api("analysis", post=Call(READERS, 201, _verdict)),
    "api/analyses/<pk>/comments/": api("analysis", post=Call(NOT_OBSERVERS, 201, _comment)),
    "api/analyses/<pk>/verdicts/bulk/": api(
        "analysis", post=Call(READERS, 201, lambda world, pk: {"verdicts": [_verdict(world, pk)]})
    ),
    "api/analyses/<pk>/hints/": api("analysis", get=LOOK),
    "api/analyses/<pk>/figures/": api(
        "analysis", post=Call(READERS, 201, lambda world, pk: {"id": str(uuid.uuid4()), "x_l0": 600, "y_l0": 400})
    ),
    "api/analyses/<uuid:pk>/export.csv": api("analysis", get=Call(EXPORTERS)),
    "api/analyses/<uuid:pk>/export.geojson": api("analysis", get=Call(EXPORTERS)),
    "api/detections/": api(get=LOOK),
    "api/detections/<pk>/": api("detection", get=LOOK),
    "api/detections/<pk>/explanation/": api("detection", get=LOOK, post=Call(NOT_OBSERVERS)),
    "api/detections/<int:pk>/explanation/<str:which>.png": api("detection", get=LOOK, values={"which": "mitosis"}),
    "api/models/": api(get=LOOK),
    "api/models/<pk>/": api("model", get=LOOK, shared=True),
    "api/models/<pk>/activate/": api(
        "model", post=Call(ADMINISTRATORS, 201, lambda world, pk: {"reason": "better"}), shared=True
    ),
    # The one model of these tests came with the program, so it is approved already, and in use.
    "api/models/<pk>/approve/": api("model", post=Call(ADMINISTRATORS, 409), shared=True),
    "api/models/<pk>/retire/": api(
        "model", post=Call(ADMINISTRATORS, 409, lambda world, pk: {"reason": "old"}), shared=True
    ),
    "api/models/<pk>/roll-back/": api("model", post=Call(ADMINISTRATORS, 409), shared=True),
    "api/model-uploads/": api(get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS, 201, _model_upload)),
    "api/model-uploads/<uuid:pk>/": api(
        "model_upload",
        get=Call(ADMINISTRATORS),
        patch=Call(ADMINISTRATORS, 200, lambda world, pk: b"1", _piece),
        delete=Call(ADMINISTRATORS, 204),
        shared=True,
        hidden=True,
    ),
    "api/protocols/": api(get=LOOK, post=Call(ADMINISTRATORS, 201, _protocol)),
    "api/protocols/<str:name>/<int:version>/": api(get=LOOK, values=PLAIN),
    "api/protocols/<str:name>/<int:version>/on/": api(post=Call(ADMINISTRATORS), values=PLAIN),
    # Everything falls back to the plain square.
    "api/protocols/<str:name>/<int:version>/off/": api(post=Call(ADMINISTRATORS, 409), values=PLAIN),
    "api/training_runs/": api(
        # Of one slide: it is refused for what it holds.
        "data_set",
        get=Call(ADMINISTRATORS),
        post=Call(ADMINISTRATORS, 400, _training),
        shared=True,
        hidden=True,
    ),
    "api/training_runs/<pk>/": api("training_run", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "api/training_runs/<pk>/pause/": api("training_run", post=Call(ADMINISTRATORS), shared=True, hidden=True),
    # Waiting, it cannot go on.
    "api/training_runs/<pk>/go-on/": api("training_run", post=Call(ADMINISTRATORS, 409), shared=True, hidden=True),
    "api/training_runs/<pk>/cancel/": api("training_run", post=Call(ADMINISTRATORS), shared=True, hidden=True),
    # The world's locked set holds nothing that was read.
    "api/gates/": api(
        "model",
        get=Call(ADMINISTRATORS),
        post=Call(ADMINISTRATORS, 409, lambda world, pk: {"candidate": str(pk)}),
        shared=True,
        hidden=True,
    ),
    "api/gates/<pk>/": api("gate", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    # It passed, with no clause left to a person.
    "api/gates/<pk>/look/": api("gate", post=Call(ADMINISTRATORS, 409, _clause), shared=True, hidden=True),
    "api/gates/<pk>/override/": api("gate", post=Call(ADMINISTRATORS, 409, _reason), shared=True, hidden=True),
    "api/gate_overrides/<uuid:pk>/settle/": api(
        "override", post=Call(ADMINISTRATORS, 200, lambda world, pk: {"granted": False}), shared=True, hidden=True
    ),
    "api/data_sets/": api(get=Call(ADMINISTRATORS), post=Call(ADMINISTRATORS, 201, lambda world, pk: {"name": "New"})),
    "api/data_sets/preview/": api(post=Call(ADMINISTRATORS)),
    "api/data_sets/<pk>/": api("data_set", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "api/data_sets/<uuid:pk>/export.zip": api("data_set", get=Call(ADMINISTRATORS), shared=True, hidden=True),
    "api/data_sets/<uuid:pk>/patches/<int:number>.png": api(
        "data_set", get=Call(ADMINISTRATORS), shared=True, hidden=True, values={"number": 1}
    ),
    "api/locked_set/": api(
        "slide",
        get=Call(ADMINISTRATORS),
        post=Call(ADMINISTRATORS, 201, lambda world, pk: {"slide": str(pk), "reason": "x"}),
        hidden=True,
    ),
    "api/locked_set/<uuid:pk>/withdraw/": api(
        "lock", post=Call(ADMINISTRATORS, 204, lambda world, pk: {"reason": "x"}), shared=True, hidden=True
    ),
    "api/cases/<uuid:pk>/learning/": api(
        "case", get=LOOK, post=Call(LEADS, 200, lambda world, pk: {"on": False, "reason": "x"})
    ),
    "api/activations/": api(get=LOOK),
    "api/activations/<pk>/": api("activation", get=LOOK),
    "api/activations/<pk>/approve/": api("activation", post=Call(ADMINISTRATORS)),
    "api/activations/<pk>/withdraw/": api("activation", post=Call(ADMINISTRATORS)),
}

TABLE = PAGES | API

# Pages of other packages: prefix -> who gets anything but a refusal or a way to the sign-in.
GROUPS = {"accounts/": EVERYONE | {"stranger"}, "admin/": ADMINISTRATORS}
