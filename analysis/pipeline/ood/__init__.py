"""Is a slide like those the network was trained on?

    found = Found(candidates=…, unsure=…, mitoses=…, places_l0=…)
    validity = check_slide(reader, settings, work, detector, found, files=[path])

What is looked at does not depend on how a run went: the whole slide's thumbnail, up to 24 pieces of tissue and up to
128 candidates, all spread evenly. `sample` picks them, `measures` and `features` measure, `limits` holds what was found
on the training slides (`fit`), and `verdict` puts a slide's measures beside them: ok, caution or not valid, with
reasons in words. A check is a warning about the slide; that a slide is "ok" promises nothing about a single detection.
"""

from analysis.pipeline.ood.check import PLACES, UNSURE, Found, check_slide
from analysis.pipeline.ood.rules import GRADES
from analysis.pipeline.ood.verdict import Validity

__all__ = ["GRADES", "PLACES", "UNSURE", "Found", "Validity", "check_slide"]
