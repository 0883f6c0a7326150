"""Loads exported folders with transformers, and compares their logits with those of golden cases.

`python load_exports.py LIST`; LIST is a JSON file: [{"folder": ..., "dtype": "float32", "golden": FOLDER}, ...].
Prints a line for each problem, and nothing else.
"""
import json, logging, pathlib, sys, warnings
import torch, transformers
from safetensors.torch import load_file

TOLERANCE = 1e-4  # of the largest logit; transformers rounds norms and angles to float32


class Lines(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def load(folder, **options):
    """The model, and what the library says while it loads it."""
    handler = Lines()
    logging.getLogger("transformers").addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, info = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    logging.getLogger("transformers").removeHandler(handler)
    said = handler.lines + [str(w.message) for w in caught] + [f"{key}: {value}" for key, value in info.items() if value]
    return model, said


def problems(entry):
    model, said = load(entry["folder"])
    dtypes = {str(p.dtype) for p in model.parameters()}
    if dtypes != {"torch." + entry["dtype"]}:
        said.append(f"the parameters are {sorted(dtypes)}, not {entry['dtype']}")
    model, more = load(entry["folder"], dtype=torch.float64, attn_implementation="eager", experts_implementation="eager")
    golden = pathlib.Path(entry["golden"])
    batch, expected = load_file(golden / "batch.safetensors"), load_file(golden / "expected.safetensors")["logits"]
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"][None], position_ids=batch["position_ids"][None], use_cache=False).logits[0]
    error = ((logits - expected).abs().max() / expected.abs().max()).item()
    if entry["dtype"] == "float32" and not error <= TOLERANCE:
        said.append(f"the logits differ by {error:.1e} of the largest")
    return said + more


transformers.logging.disable_progress_bar()
transformers.logging.set_verbosity_warning()
for entry in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    for line in problems(entry):
        print(f"{entry['folder']}: {line}", flush=True)
