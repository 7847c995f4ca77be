"""Wan in plain torch for training: the causal 3-D VAE and the diffusion transformer.

Parameter names and results equal ComfyUI's own Wan modules (tests/test_demo_model.py compares them), so the weights
load there unchanged. Unlike those, the whole clip is computed at once instead of in chunks with caches, and everything
can be differentiated and compiled. Architecture: Wan technical report, arXiv 2503.20314.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

LATENT_CHANNELS = 16

# The statistics by which ComfyUI's `Wan21` latent format normalises, from the Wan 2.1 VAE's model card.
LATENT_MEAN = (
    -0.7571,
    -0.7089,
    -0.9113,
    0.1075,
    -0.1745,
    0.9653,
    -0.1517,
    1.5508,
    0.4134,
    -0.0715,
    0.5517,
    -0.3632,
    -0.1922,
    -0.9497,
    0.2503,
    -0.2921,
)
LATENT_STD = (
    2.8184,
    1.4541,
    2.3275,
    2.6558,
    1.2196,
    1.7708,
    2.6052,
    2.0743,
    3.2687,
    2.1526,
    2.8652,
    1.5579,
    1.6382,
    1.1253,
    2.8251,
    1.9160,
)


def latent_statistics(device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of Wan 2.1 latents, each [1, 16, 1, 1, 1]."""
    shape = (1, LATENT_CHANNELS, 1, 1, 1)
    return torch.tensor(LATENT_MEAN, device=device).view(shape), torch.tensor(LATENT_STD, device=device).view(shape)


# --- VAE -------------------------------------------------------------------------------------------------------------


class CausalConv3d(nn.Conv3d):
    """A 3-D convolution [B, C, T, H, W] that sees only the past.

    On a GPU it is computed as one 2-D convolution over the frames with the taps of time stacked as channels: cuDNN is
    several times faster at that than at thin 3-D convolutions. A single frame needs the last tap alone, the others meet
    zeros.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, steps = x.shape[:3]
        taps = self.kernel_size[0]
        stride = self.stride[0]
        if x.device.type == "cpu":
            past = taps - 1 if stride == 1 else 0  # strided ones bring their own past
            vertical, horizontal = self.kernel_size[1] // 2, self.kernel_size[2] // 2
            padded = F.pad(x, (horizontal, horizontal, vertical, vertical, past, 0))
            return F.conv3d(padded, self.weight, self.bias, stride=self.stride)
        if taps > 1 and steps == 1 and stride == 1:
            weight = self.weight[:, :, -1]
        elif taps == 1:
            weight = self.weight[:, :, 0]
        else:
            past = 0 if stride > 1 else taps - 1  # strided ones bring their own past
            padded = torch.cat([x.new_zeros(()).expand(*x.shape[:2], past, *x.shape[3:]), x], 2) if past else x
            count = (padded.shape[2] - taps) // stride + 1
            x = torch.cat([padded[:, :, k : k + stride * (count - 1) + 1 : stride] for k in range(taps)], 1)
            steps = count
            weight = self.weight.transpose(1, 2).flatten(1, 2)  # [O, taps * I, kH, kW]
        flat = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        flat = F.conv2d(flat, weight, self.bias, padding=(self.kernel_size[1] // 2, self.kernel_size[2] // 2))
        return flat.unflatten(0, (batch, steps)).transpose(1, 2)


class RMSNorm(nn.Module):
    """Normalises over channels (dimension 1)."""

    def __init__(self, dim: int, spatial: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim, *(1,) * spatial))
        self.scale = dim**0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(x.float(), dim=1).to(x.dtype) * (self.scale * self.gamma).to(x.dtype)


class ResidualBlock(nn.Module):
    def __init__(self, in_dim: int, out_dim: int):
        super().__init__()
        self.residual = nn.Sequential(
            RMSNorm(in_dim, 3),
            nn.SiLU(),
            CausalConv3d(in_dim, out_dim, 3),
            RMSNorm(out_dim, 3),
            nn.SiLU(),
            nn.Dropout(0.0),
            CausalConv3d(out_dim, out_dim, 3),
        )
        self.shortcut = CausalConv3d(in_dim, out_dim, 1) if in_dim != out_dim else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.residual(x) + self.shortcut(x)


class AttentionBlock(nn.Module):
    """Attention among the positions of one frame."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = RMSNorm(dim, 2)
        self.to_qkv = nn.Conv2d(dim, dim * 3, 1)
        self.proj = nn.Conv2d(dim, dim, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, steps, height, width = x.shape[0], *x.shape[2:]
        flat = x.transpose(1, 2).flatten(0, 1)
        q, k, v = self.to_qkv(self.norm(flat)).flatten(2).transpose(1, 2).chunk(3, dim=2)
        out = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        out = self.proj(out.transpose(1, 2).unflatten(2, (height, width)))
        return x + out.unflatten(0, (batch, steps)).transpose(1, 2)


class Resample(nn.Module):
    """Halves or doubles the sides, and the number of frames after the first if `time`."""

    def __init__(self, dim: int, mode: str, time: bool):
        super().__init__()
        self.up, self.time = mode == "up", time
        if self.up:
            self.resample = nn.Sequential(
                nn.Upsample(scale_factor=(2.0, 2.0), mode="nearest-exact"), nn.Conv2d(dim, dim // 2, 3, padding=1)
            )
        else:
            self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(dim, dim, 3, stride=2))
        if time:
            out_dim, stride = (dim * 2, 1) if self.up else (dim, 2)
            self.time_conv = CausalConv3d(dim, out_dim, (3, 1, 1), stride=(stride, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.up and self.time and x.shape[2] > 1:
            # The first frame stays one frame, and the doubling of the others does not see it.
            doubled = self.time_conv(x[:, :, 1:]).unflatten(1, (2, x.shape[1]))  # [B, 2, C, T-1, H, W]
            x = torch.cat([x[:, :, :1], doubled.movedim(1, 3).flatten(2, 3)], 2)
        batch, steps = x.shape[0], x.shape[2]
        flat = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = self.resample(flat).unflatten(0, (batch, steps)).transpose(1, 2)
        if not self.up and self.time and x.shape[2] > 1:
            x = torch.cat([x[:, :, :1], self.time_conv(x)], 2)
        return x


class Encoder(nn.Module):
    def __init__(self, dim: int, out_dim: int):
        super().__init__()
        dims = [dim, dim, dim * 2, dim * 4, dim * 4]
        self.conv1 = CausalConv3d(3, dim, 3)
        layers: list[nn.Module] = []
        for level in range(4):
            layers += [ResidualBlock(dims[level], dims[level + 1]), ResidualBlock(dims[level + 1], dims[level + 1])]
            if level < 3:
                layers.append(Resample(dims[level + 1], "down", time=level > 0))
        self.downsamples = nn.Sequential(*layers)
        self.middle = nn.Sequential(
            ResidualBlock(dims[-1], dims[-1]), AttentionBlock(dims[-1]), ResidualBlock(dims[-1], dims[-1])
        )
        self.head = nn.Sequential(RMSNorm(dims[-1], 3), nn.SiLU(), CausalConv3d(dims[-1], out_dim, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.middle(self.downsamples(self.conv1(x))))


class Decoder(nn.Module):
    def __init__(self, dim: int, in_dim: int):
        super().__init__()
        dims = [dim * 4, dim * 4, dim * 4, dim * 2, dim]
        self.conv1 = CausalConv3d(in_dim, dims[0], 3)
        self.middle = nn.Sequential(
            ResidualBlock(dims[0], dims[0]), AttentionBlock(dims[0]), ResidualBlock(dims[0], dims[0])
        )
        layers: list[nn.Module] = []
        for level in range(4):
            before = dims[level] if level == 0 else dims[level] // 2  # upsampling halves the channels
            for block in range(3):
                layers.append(ResidualBlock(before if block == 0 else dims[level + 1], dims[level + 1]))
            if level < 3:
                layers.append(Resample(dims[level + 1], "up", time=level < 2))
        self.upsamples = nn.Sequential(*layers)
        self.head = nn.Sequential(RMSNorm(dim, 3), nn.SiLU(), CausalConv3d(dim, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.upsamples(self.middle(self.conv1(x))))


class VAE(nn.Module):
    """The Wan 2.1 VAE: [B, 3, 1 + 4n, H, W] in -1..1 <-> [B, 16, 1 + n, H/8, W/8]."""

    def __init__(self, dim: int):
        super().__init__()
        self.encoder = Encoder(dim, LATENT_CHANNELS * 2)
        self.conv1 = CausalConv3d(LATENT_CHANNELS * 2, LATENT_CHANNELS * 2, 1)
        self.conv2 = CausalConv3d(LATENT_CHANNELS, LATENT_CHANNELS, 1)
        self.decoder = Decoder(dim, LATENT_CHANNELS)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of the latent, each [B, 16, 1 + n, H/8, W/8]."""
        mean, log_variance = self.conv1(self.encoder(x)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.conv2(z))

    @torch.no_grad()
    def set_latent_statistics(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Rescales so that latents which had `mean` and `std` [16] get Wan 2.1's, leaving what is decoded the same."""
        wan_mean, wan_std = (s.flatten().to(mean) for s in latent_statistics())
        scale = wan_std / std
        self.conv1.weight[:LATENT_CHANNELS] *= scale.view(-1, 1, 1, 1, 1)
        self.conv1.bias[:LATENT_CHANNELS] = (self.conv1.bias[:LATENT_CHANNELS] - mean) * scale + wan_mean
        back = self.conv2.weight[:, :, 0, 0, 0]  # [16 out, 16 in]
        self.conv2.bias += back @ (mean - wan_mean / scale)
        self.conv2.weight /= scale.view(1, -1, 1, 1, 1)


# --- Transformer -----------------------------------------------------------------------------------------------------


def rope_angles(frames: int, height: int, width: int, head_dim: int = 128) -> torch.Tensor:
    """Rotation angles [L, head_dim / 2] of the positions (t, y, x), in the order of the tokens."""
    axis = 2 * (head_dim // 6)
    positions = torch.cartesian_prod(torch.arange(frames), torch.arange(height), torch.arange(width))
    angles = []
    for i, dim in enumerate((head_dim - 2 * axis, axis, axis)):
        omega = 1.0 / 10000.0 ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angles.append(positions[:, i, None] * omega)
    return torch.cat(angles, 1).float()


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotates neighbouring pairs of [B, L, heads, D] by angles [L, 1, D / 2]."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))
        self.norm_q, self.norm_k = nn.RMSNorm(dim, eps=1e-6), nn.RMSNorm(dim, eps=1e-6)

    def forward(self, x, context, rotation=None):
        q, k = self.norm_q(self.q(x)), self.norm_k(self.k(context))
        q, k, v = (t.unflatten(-1, (self.heads, -1)) for t in (q, k, self.v(context)))
        if rotation is not None:
            q, k = _rotate(q, *rotation), _rotate(k, *rotation)
        q, k, v = (t.transpose(1, 2).to(v.dtype) for t in (q, k, v))
        return self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim: int, ffn_dim: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.self_attn = Attention(dim, heads)
        self.norm3 = nn.LayerNorm(dim, eps=1e-6)
        self.cross_attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.ffn = nn.Sequential(nn.Linear(dim, ffn_dim), nn.GELU(approximate="tanh"), nn.Linear(ffn_dim, dim))
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(self, x, time, context, rotation):
        shift1, scale1, gate1, shift2, scale2, gate2 = (self.modulation + time).to(x.dtype).chunk(6, dim=1)
        y = self.norm1(x) * (1 + scale1) + shift1
        x = x + gate1 * self.self_attn(y, y, rotation)
        x = x + self.cross_attn(self.norm3(x), context)
        return x + gate2 * self.ffn(self.norm2(x) * (1 + scale2) + shift2)


class Head(nn.Module):
    def __init__(self, dim: int, out_dim: int):
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.head = nn.Linear(dim, out_dim)
        self.modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    def forward(self, x, time):
        shift, scale = (self.modulation + time[:, None]).to(x.dtype).chunk(2, dim=1)
        return self.head(self.norm(x) * (1 + scale) + shift)


class Transformer(nn.Module):
    """The Wan 2.2 image-to-video transformer: 36 channels in (16 noisy, 4 mask, 16 image), velocity out."""

    def __init__(self, dim: int, ffn_dim: int, layers: int, text_dim: int = 4096):
        super().__init__()
        if dim % 128:
            raise ValueError(f"ComfyUI finds the number of heads as dim / 128; got dim {dim}, not a multiple of 128.")
        self.dim = dim
        self.patch_embedding = nn.Conv3d(2 * LATENT_CHANNELS + 4, dim, (1, 2, 2), stride=(1, 2, 2))
        self.text_embedding = nn.Sequential(nn.Linear(text_dim, dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim))
        self.time_embedding = nn.Sequential(nn.Linear(256, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, dim * 6))
        self.blocks = nn.ModuleList(Block(dim, ffn_dim, dim // 128) for _ in range(layers))
        self.head = Head(dim, LATENT_CHANNELS * 4)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.patch_embedding.weight.flatten(1))
        for embedding in (self.text_embedding, self.time_embedding):
            for layer in (embedding[0], embedding[2]):
                nn.init.normal_(layer.weight, std=0.02)
        nn.init.zeros_(self.head.head.weight)

    def forward(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        context: torch.Tensor,
        condition: torch.Tensor,
        rotation: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """Velocity (noise minus clean) [B, 16, F, H, W].

        Args:
            x: [B, 16, F, H, W] noisy latent, normalised.
            timestep: [B], sigma times 1000.
            context: [B, L, 4096] encoded text.
            condition: [B, 20, F, H, W] mask and image latent, see `image_condition`.
            rotation: cosine and sine [F * H/2 * W/2, 1, 64] of `rope_angles`.
        """
        frames, height, width = x.shape[2], x.shape[3] // 2, x.shape[4] // 2
        tokens = self.patch_embedding(torch.cat([x, condition], 1)).flatten(2).transpose(1, 2)
        half = torch.arange(128, device=x.device)
        frequencies = torch.outer(timestep.float(), torch.pow(10000.0, -half / 128.0))
        time = self.time_embedding(torch.cat([frequencies.cos(), frequencies.sin()], 1))
        modulation = self.time_projection(time).unflatten(1, (6, self.dim))
        context = self.text_embedding(context)
        for block in self.blocks:
            tokens = block(tokens, modulation, context, rotation)
        out = self.head(tokens, time)  # [B, L, 4 * 16]
        out = out.view(-1, frames, height, width, 2, 2, LATENT_CHANNELS)
        return out.permute(0, 6, 1, 2, 4, 3, 5).reshape(x.shape)


def rotation_for(latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine of the positions of a latent [B, 16, F, H, W], for `Transformer.forward`."""
    angles = rope_angles(latent.shape[2], latent.shape[3] // 2, latent.shape[4] // 2).to(latent.device)[:, None]
    return angles.cos(), angles.sin()


def image_condition(image_latent: torch.Tensor) -> torch.Tensor:
    """[B, 20, F, H, W] from the normalised latent [B, 16, F, H, W] of the start image followed by mid-grey frames."""
    mask = torch.zeros_like(image_latent[:, :4])
    mask[:, :, 0] = 1.0
    return torch.cat([mask, image_latent], 1)


def shifted_sigmas(steps: int, shift: float, device: torch.device | str = "cpu") -> torch.Tensor:
    """Noise levels [steps + 1] from 1 to 0, as ComfyUI's "simple" scheduler takes them from a flow model's table."""
    table = torch.arange(1, 1001, device=device) / 1000
    table = shift * table / (1 + (shift - 1) * table)
    picked = [table[-(1 + int(k * 1000 / steps))] for k in range(steps)]
    return torch.stack([*picked, torch.zeros((), device=device)])


def parameter_count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()) / 1e6:.2f} M"


def sigma_at(uniform: torch.Tensor, shift: float) -> torch.Tensor:
    """Noise level for training from a uniform random number, with the flow shift (arXiv 2403.03206, eq. 23)."""
    return shift * uniform / (1 + (shift - 1) * uniform)
