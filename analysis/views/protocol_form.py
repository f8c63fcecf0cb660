"""A protocol as a form, and the document that its answers say. What is wrong is said by the service, in the words that
a file would get, at the field that it is about.
"""

import re

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict

from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.protocols.protocol import ROUNDINGS
from analysis.pipeline.count.shapes import CIRCLE, FIELDS, RECTANGLE, SQUARE
from analysis.services.protocol_documents import WHOLE
from mitoweb.lib.errors import Refused

SHAPES = [(SQUARE, "Square"), (RECTANGLE, "Rectangle, either way round"), (CIRCLE, "Circle"), (FIELDS, "Fields")]
ROUNDED = dict(zip(ROUNDINGS, ["No rule", "Down", "To the nearest", "Up"], strict=True))
# Which answers belong to which shape; those of others are left out.
OF_SHAPE = {
    SQUARE: ("area_mm2",),
    RECTANGLE: ("area_mm2", "aspect"),
    CIRCLE: ("area_mm2",),
    FIELDS: ("fields", "field_um", "touching"),
}
FORM_NAMES = {"fields": "field_count"}  # of keys that mean something else to a form
SOURCED = ("area_mm2", "aspect", "fields", "field_um", "touching", "cutoffs", "cutoff_rule", "divided_by", "where")
SPARE_ROWS = 2  # of cut-offs, left empty


OPTIONAL = {"cutoffs", "cutoff_rule", "divided_by", "where"}  # and so is their source


def _text(label: str, *, required: bool = True, rows: int = 0, help_text: str = "", **attrs) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, **attrs}) if rows else forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=required, widget=widget, help_text=help_text)


def _number(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    return _text(label, required=required, help_text=help_text, inputmode="decimal", autocomplete="off")


class ProtocolForm(forms.Form):
    """Every answer is text, so that whatever is typed comes back as it was. What is asked for is told apart from what
    is optional for the eye alone: the service judges.
    """

    use_required_attribute = False  # of a shape that is not chosen nothing is asked
    name = _text("Name", help_text="Another name makes a protocol of its own.", autocomplete="off")
    version = _number("Version", "Versions of a name rise.")
    title = _text("Title", required=False, help_text="What readers see.")
    shape = forms.ChoiceField(choices=SHAPES, label="Counted in")
    area_mm2 = _number("Area, mm²")
    aspect = _number("Long by short side")
    field_count = _number("Number of fields")
    field_um = _number(
        "Diameter of a field, µm", "550 for 0.55 mm. The laboratory's own: field number by magnification."
    )
    touching = forms.ChoiceField(
        label="Adjacency", choices=[("yes", "Each touches another"), ("no", "They may lie apart")]
    )
    cutoffs = _text("Scores", required=False)
    cutoff_rule = _number(
        "Largest counts by rule", "Of each score but the last: “10, 20”. Empty: no rule.", required=False
    )
    rule_area_mm2 = _number("In an area of, mm²", required=False)
    rounding = forms.ChoiceField(choices=list(ROUNDED.items()), label="Rounded", required=False)
    divided_by = _number("Told divided by", "1 where the count is told as it is.", required=False)
    where = _text("Where to count", required=False, rows=2)
    notes = _text("Notes", required=False, rows=3, help_text="What the score is a part of, and what a person adds.")

    def __init__(self, *args, rows: list[tuple[str, str]] = (), **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.rows = [*rows, *[("", "")] * SPARE_ROWS]
        for key in SOURCED:
            label = self.fields[FORM_NAMES.get(key, key)].label.partition(",")[0]
            self.fields[f"source_{key}"] = _text(
                f"Source of “{label}”", required=key not in OPTIONAL, autocomplete="off"
            )

    def full_clean(self) -> None:
        self._errors, self.cleaned_data = ErrorDict(renderer=self.renderer), {}

    @classmethod
    def of_protocol(cls, protocol: Protocol, version: int) -> "ProtocolForm":
        said = protocol.as_json() | {"version": version}
        rule = said.pop("cutoff_rule", None)
        answers = {FORM_NAMES.get(key, key): _show(value) for key, value in said.items() if key not in ("cutoffs",)}
        answers["touching"] = "yes" if protocol.shape.touching else "no"
        answers |= {f"source_{key}": text for key, text in protocol.sources.items()}
        if "source_field_um" not in answers:  # the area of the fields is told by their diameter here
            answers["source_field_um"] = protocol.sources.get("area_mm2", "")
        if rule:
            answers |= {"cutoff_rule": ", ".join(map(str, rule["upper"])), "rule_area_mm2": _show(rule["area_mm2"])}
        rows = [(cutoff.score, str(cutoff.from_count)) for cutoff in protocol.cutoffs]
        return cls(initial=answers, rows=rows)

    @classmethod
    def of_answers(cls, answers: QueryDict) -> "ProtocolForm":
        rows = zip(answers.getlist("score"), answers.getlist("from"), strict=False)
        return cls(answers, rows=[row for row in rows if any(part.strip() for part in row)][:100])

    def read_document(self) -> dict:
        """The document, with what is no number left as it was typed."""
        said = {name: value.strip() for name, value in self.data.items() if isinstance(value, str)}
        shape = said.get("shape", "")
        document: dict = {key: said.get(key, "") for key in ("name", "title", "where", "notes")} | {"shape": shape}
        for key in ("version", "divided_by", *OF_SHAPE.get(shape, ())):
            if text := said.get(FORM_NAMES.get(key, key), ""):
                document[key] = text == "yes" if key == "touching" else _read_number(text)
        document["cutoffs"] = [{"score": score, "from": _read_number(start)} for score, start in self._list_rows()]
        document["rounding"] = said.get("rounding") or "none"
        upper, area = said.get("cutoff_rule", ""), said.get("rule_area_mm2", "")
        if upper or area:
            limits = [_read_number(limit) for limit in re.split(r"[,;\s]+", upper) if limit]
            document["cutoff_rule"] = {"upper": limits, "area_mm2": _read_number(area)}
        told = [key for key in SOURCED if key in document or key in OF_SHAPE.get(shape, ())]
        sources = {key: said.get(f"source_{key}", "") for key in told}
        return document | {"sources": {key: text for key, text in sources.items() if text}}

    def _list_rows(self) -> list[tuple[str, str]]:
        return [(score.strip(), start.strip()) for score, start in self.rows if score.strip() or start.strip()]

    def show_refusal(self, refusal: Refused) -> None:
        """Each fault at its field; what belongs to none, above the button."""
        faults = refusal.fields or {WHOLE: str(refusal)}
        for key, sentence in faults.items():
            name = f"source_{key.removeprefix('sources.')}" if key.startswith("sources.") else FORM_NAMES.get(key, key)
            self.add_error(name if name in self.fields else None, self._say_at_field(key, name, sentence))

    def _say_at_field(self, key: str, name: str, sentence: str) -> str:
        """A key in the words of its field: "field_um is 0.5" is "Diameter of a field is 0.5"."""
        if name in self.fields and sentence.startswith(f"{key} "):
            label = "its source" if key.startswith("sources.") else self.fields[name].label.partition(",")[0]
            sentence = label + sentence.removeprefix(key)
        return sentence[:1].upper() + sentence[1:]


class TextForm(forms.Form):
    text = forms.CharField(
        label="Content of the file",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 20, "class": "mono", "spellcheck": "false"}),
        help_text="TOML or JSON, as <code>mitosis protocols NAME --json</code> prints it: a window, cut-offs in whole "
        "counts from 0, and a source for each number.",
    )

    def show_refusal(self, refusal: Refused) -> None:
        for sentence in refusal.fields.values() or [str(refusal)]:
            self.add_error("text", sentence[:1].upper() + sentence[1:])


def _show(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _read_number(text: str) -> int | float | str:
    """A number as it was typed, with a point or a comma; what is none stays text, which the service refuses."""
    if re.fullmatch(r"-?\d{1,20}", text):
        return int(text)
    return float(text.replace(",", ".")) if re.fullmatch(r"-?\d{1,20}[.,]\d{1,20}", text) else text
