"""How clean is the last image of a video of which only some latent frames are decoded?

    python tools/run.py research.benchmarks.sparse_decode [--scenes 28]

Clips of the embedded model's world are encoded whole; some of their latent frames are decoded in several orders, and
the last image is compared with the clip's (PSNR). So only the decoding differs. `editing.keyframes` chose its rule by
this table: "0 3 6 8" is what a drop with stride 3 leaves, and repeating a frame gives it a still past.
"""

from __future__ import annotations

import argparse

import torch

from ...editing.keyframes import decoding_order
from ..measures import image_psnr
from ..world import model as demo_model
from ..world import world

KEPT = ([0, 3, 6, 8], [0, 8])
OTHERS = ([0, 8, 8], [8, 8, 8], [8])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="tools/run.py research.benchmarks.sparse_decode", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--scenes", type=int, default=28, help="dealt evenly over the 14 families")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = demo_model.EditModel.load().to(device)
    scenes = world.sample_scenes(args.scenes, torch.Generator().manual_seed(992)).to(device)
    clips = world.render(scenes).frames
    ours = [[kept[index] for index in decoding_order(kept)[0]] for kept in KEPT]
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        latents = torch.cat([model.encode(part) for part in clips.split(7)])
        print(f"{'latent frames decoded':<24} {'mean':>8} {'worst':>8}   of {args.scenes} clips")
        for order in (list(range(9)), KEPT[0], ours[0], KEPT[1], ours[1], *OTHERS):
            images = torch.cat([model.decode(part[:, :, order])[:, -1] for part in latents.split(7)])
            psnr = image_psnr(images, clips[:, -1])
            note = "  all" if len(order) == 9 else "  ours" if order in ours else "  as kept" if order in KEPT else ""
            print(f"{' '.join(map(str, order)):<24} {psnr.mean():>5.2f} dB {psnr.min():>5.2f} dB{note}", flush=True)


if __name__ == "__main__":
    main()
