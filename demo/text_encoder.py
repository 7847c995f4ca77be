"""The embedded model's text encoder: a word list and a small transformer, in place of Wan's umT5.

Its output has umT5's shape and manners ([B, L, 4096], zeros behind the end of the text), so a Wan transformer takes it.
"""

from __future__ import annotations

import re

import torch
import torch.nn.functional as F
from torch import nn

LENGTH = 64  # words and the end mark; the rest of a longer text is not read
PAD, END, UNKNOWN = 0, 1, 2
RESERVED = 3

_WORD = re.compile(r"[a-z]+|[.,:]")


def split_words(text: str) -> list[str]:
    """Lower-case words and the punctuation that orders what happens."""
    return _WORD.findall(text.lower())


class Tokenizer:
    """Words to numbers. Words that are not in the list become one and the same unknown word.

    Args:
        words: the word list, in the order of the embedding's rows after the reserved ones.
    """

    def __init__(self, words: list[str]):
        self.words = list(words)
        self.index = {word: RESERVED + i for i, word in enumerate(self.words)}

    def __call__(self, text: str) -> list[int]:
        """Numbers of the words and the end mark, at most `LENGTH`, not padded."""
        return [self.index.get(word, UNKNOWN) for word in split_words(text)[: LENGTH - 1]] + [END]

    def batch(self, texts: list[str]) -> torch.Tensor:
        """[B, LENGTH] padded numbers."""
        tokens = torch.full((len(texts), LENGTH), PAD)
        for row, text in zip(tokens, texts, strict=True):
            ids = self(text)
            row[: len(ids)] = torch.tensor(ids)
        return tokens


class _Layer(nn.Module):
    def __init__(self, dim: int, heads: int, operations):
        super().__init__()
        self.heads = heads
        linear = operations.Linear
        self.norm1, self.norm2 = operations.LayerNorm(dim), operations.LayerNorm(dim)
        self.qkv, self.out = linear(dim, 3 * dim), linear(dim, dim)
        self.ffn = nn.Sequential(linear(dim, 4 * dim), nn.GELU(), linear(4 * dim, dim))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.ffn(self.norm2(x))


class TextEncoder(nn.Module):
    """[B, LENGTH] word numbers -> [B, LENGTH, 4096], zero where the text has ended.

    Args:
        vocabulary: how many words there are, the reserved ones included.
        operations: where Linear, LayerNorm and Embedding come from: torch.nn, or one of ComfyUI's sets of operations.
    """

    def __init__(
        self, vocabulary: int, dim: int = 128, layers: int = 2, heads: int = 4, out_dim: int = 4096, operations=nn
    ):
        super().__init__()
        self.embedding = operations.Embedding(vocabulary, dim)
        self.position = nn.Parameter(torch.randn(LENGTH, dim) * 0.02)
        self.layers = nn.ModuleList(_Layer(dim, heads, operations) for _ in range(layers))
        self.norm = operations.LayerNorm(dim)
        self.project = operations.Linear(dim, out_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mask = tokens != PAD
        x = self.embedding(tokens) + self.position
        for layer in self.layers:
            x = layer(x, mask)
        return self.project(self.norm(x)) * mask[..., None]
