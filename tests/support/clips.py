"""Small synthetic clips with a known moment of completion."""

import numpy as np
import torch
import torch.nn.functional as F


def ball(x, y=0.5, radius=0.12, color=(0.85, 0.15, 0.1), size=96, background=None):
    """One picture [H, W, 3]: a shaded ball on a textured table; positions are fractions of the picture."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    table = 0.6 + 0.08 * np.sin(40 * columns)[..., None] * np.sin(30 * rows)[..., None] + np.zeros(3)
    table = table if background is None else background
    distance = np.hypot(columns - x, rows - y)
    cover = np.clip((radius - distance) * size + 0.5, 0, 1)[..., None]
    shade = np.clip(1.2 - np.hypot(columns - x + radius / 3, rows - y + radius / 3) / (2 * radius), 0.4, 1)[..., None]
    return table * (1 - cover) + np.array(color) * shade * cover


def moving_ball(frames=33, settles=18, size=96, exposures=6, blur=True, **look):
    """A ball that moves from right to left and rests from frame `settles` on: [N, H, W, 3]. Motion is blurred."""

    def place(time):
        progress = np.clip(time / settles, 0, 1)
        return 0.75 - 0.5 * progress * (2 - progress)  # fast, then slower

    def picture(frame):
        times = frame - np.linspace(0.9, 0, exposures) if blur and frame < settles else [frame]
        return np.mean([ball(place(max(0, time)), size=size, **look) for time in times], axis=0)

    return torch.from_numpy(np.stack([picture(frame) for frame in range(frames)])).float()


def with_grain(clip, strength, seed=0):
    """Independent noise in every pixel of every frame."""
    grain = torch.randn(clip.shape, generator=torch.Generator().manual_seed(seed))
    return (clip + strength * grain).clamp(0, 1)


def with_vae_flicker(clip, strength=0.03, seed=0):
    """Edges waver from frame to frame, strongest at the first frame of each group of four, as after a video VAE."""
    generator = torch.Generator().manual_seed(seed)
    pictures = clip.movedim(-1, 1)  # [N, 3, H, W]
    soft = F.avg_pool2d(F.pad(pictures, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    phase = torch.tensor([(1.0, 0.6, 0.4, 0.2)[(frame - 1) % 4] for frame in range(len(clip))])
    amount = strength * 10 * phase * torch.rand(len(clip), generator=generator)
    flickering = pictures + (soft - pictures) * amount[:, None, None, None]
    return flickering.movedim(1, -1).clamp(0, 1)
