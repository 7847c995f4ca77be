"""What both training scripts share: a step of the optimiser, by one process or by several together."""

import subprocess
import sys
import textwrap

import torch
from if_edit.research.training.loop import descend
from if_edit.tools.comfyui import PACK

# Each process prints its weight after two steps on its own half of the data.
TOGETHER = f"""
import runpy, sys
sys.path[:] = [entry for entry in sys.path if entry not in ("", {str(PACK)!r})]
runpy.run_path({str(PACK / "tools" / "run.py")!r})["import_pack"]()
import torch
from if_edit.research.training.loop import Clock, descend, join_processes, last_word, rank
device = join_processes()
clock = Clock(0.0 if rank() == 0 else -1000.0, device)
data = torch.arange(8.0).view(4, 2)
mine = data if len(sys.argv) > 1 else data[2 * rank() : 2 * rank() + 2]
weight = torch.nn.Parameter(torch.tensor([0.3, -0.2]))
optimiser = torch.optim.SGD([weight], lr=0.1)
average = {{"w": weight.detach().clone()}}
seconds = []
for _ in range(2):
    seconds.append(clock())
    descend((mine @ weight).square().mean(), optimiser, {{"w": weight}}, average, decay=0.5)
number = rank()
said = [number, [round(value, 5) for value in weight.tolist()], round(seconds[0]), last_word()]
with open(f"{{sys.argv[0]}}.{{number}}", "w") as file:  # two processes' lines on one stdout can run into each other
    print(*said, file=file)
"""


def run(tmp_path, *options):
    script = tmp_path / "together.py"
    script.write_text(textwrap.dedent(TOGETHER), encoding="utf-8")
    done = subprocess.run([sys.executable, *options], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    written = sorted(tmp_path.glob("together.py.*"))
    said = [path.read_text(encoding="utf-8").strip() for path in written]
    for path in written:
        path.unlink()
    return said


def test_processes_that_train_together_learn_what_one_would_and_agree_on_the_time(tmp_path):
    script = str(tmp_path / "together.py")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    first, second = run(tmp_path, *launch, script)
    (alone,) = run(tmp_path, script, "alone")
    weight = alone[2 : alone.index("]") + 1]
    time_of_the_first = first.split()[-2]
    assert first == f"0 {weight} {time_of_the_first} True"  # it saves
    assert second == f"1 {weight} {time_of_the_first} False"


def test_a_step_that_is_not_finite_is_left_out():
    weight = torch.nn.Parameter(torch.ones(2))
    optimiser = torch.optim.AdamW([weight], lr=0.1)
    average = {"w": torch.zeros(2)}
    descend((weight * torch.tensor([1.0, float("nan")])).sum(), optimiser, {"w": weight}, average, decay=0.5)
    assert torch.equal(weight, torch.ones(2)) and torch.equal(average["w"], torch.zeros(2))
    descend(weight.sum(), optimiser, {"w": weight}, average, decay=0.5)
    assert (weight < 1).all() and torch.allclose(average["w"], weight / 2)
