"""What training promises: steps alone or together, going on where it ended, and weights that load."""

import subprocess
import sys
import textwrap

import pytest
import torch
from if_edit.demo import weights
from if_edit.research.tabletop import phrases
from if_edit.research.training import train_base, train_vae
from if_edit.research.training.loop import descend
from if_edit.research.world import wan
from if_edit.research.world.model import EditModel
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


def call(monkeypatch, module, folder, *options) -> None:
    arguments = ["train", "--work", str(folder / "work"), "--out", str(folder / "out"), *map(str, options)]
    monkeypatch.setattr(sys, "argv", arguments)
    module.main()


def test_the_vae_goes_on_where_it_ended_and_gets_wans_statistics(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(train_vae.families, "HELD_OUT", ())
    options = ("--dim", 8, "--pool", 2, "--images", 2, "--clips", 2, "--size", 32, "--window", 16, "--no-compile")
    monkeypatch.setattr(train_vae, "PHASES", (("images", 0.0, 0.5, 1e-3, 1e-3), ("whole", 0.5, 1.0, 1e-3, 1e-3)))
    call(monkeypatch, train_vae, tmp_path, *options, "--minutes", 0, "--all-minutes", 10)
    first, _ = weights.load_part("vae", tmp_path / "out")
    call(monkeypatch, train_vae, tmp_path, *options, "--minutes", 0, "--all-minutes", 1e-6)
    said = capsys.readouterr().out
    assert "goes on at step" in said and "finished; latents have" in said
    second, config = weights.load_part("vae", tmp_path / "out")
    assert config == {"dim": 8} and not torch.equal(first["encoder.conv1.weight"], second["encoder.conv1.weight"])


def test_the_base_model_goes_on_where_it_ended_and_from_saved_weights(monkeypatch, tmp_path, capsys):
    torch.manual_seed(0)
    weights.save_part("vae", wan.VAE(8).state_dict(), {"dim": 8}, tmp_path / "vae")
    kinds = ((48, 9, 0.7, 1.0, 1.0, 0.0), (32, 5, 0.3, 0.5, 2.0, 0.5))
    monkeypatch.setattr(train_base, "KINDS", tuple(train_base.Kind(*kind) for kind in kinds))
    monkeypatch.setattr(train_base, "WARM", 5)
    monkeypatch.setattr(train_base, "show_samples", lambda model, path, device: None)
    model = ("--vae", tmp_path / "vae", "--dim", 128, "--ffn-dim", 64, "--layers", 1, "--clips", 6, "--batch", 2)
    call(monkeypatch, train_base, tmp_path, *model, "--minutes", 0, "--all-minutes", 10)
    call(monkeypatch, train_base, tmp_path, *model, "--minutes", 0, "--all-minutes", 10)
    said = capsys.readouterr().out
    assert "goes on at step" in said and said.count("clips of 9 frames") == 1
    first = EditModel.load(tmp_path / "out")
    assert first.tokenizer.words == phrases.word_list()
    (tmp_path / "work" / "base.pt").unlink()
    start = ("--start-from", tmp_path / "out", "--spent", 9.95)
    call(monkeypatch, train_base, tmp_path, *model, *start, "--minutes", 0, "--all-minutes", 10)
    assert "minutes in all" in capsys.readouterr().out
    second = EditModel.load(tmp_path / "out")
    apart = first.transformer.patch_embedding.weight - second.transformer.patch_embedding.weight
    assert 0 < apart.abs().max() < 0.1


def test_hidden_conditions_are_encoded_as_whole_clips_are():
    torch.manual_seed(1)
    model = EditModel({"dim": 128, "ffn_dim": 64, "layers": 1}, {"dim": 8}, {"words": ["ball"]}).eval()
    frames = torch.rand(2, 9, 3, 32, 32)
    given = torch.zeros(2, 9, 4, 4)
    given[:, 0] = 1
    given[1, -1] = 1
    with torch.no_grad():
        hidden = train_base.Latents._encode_hidden(model, frames, given, ["first", "first and last"])
        whole = model.encode(train_base.conditions.hide(frames, given))
    assert hidden == pytest.approx(whole, abs=1e-5)
