"""Where bfloat16 arithmetic is worth its rounding."""

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 itself; a CPU that does not emulates it, many times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()
