package dev.gyre.kernels;

/**
 * The core kernels: a closed list that every backend implements. Each is defined by its scalar
 * reference implementation in {@code kernels.scalar}; the conformance suite compares every backend
 * with it. A backend implements the families below and combines them to {@link CheckedKernels}.
 *
 * <p>Legend of shapes: T tokens or rows, I and O input and output widths, H query heads, K
 * key/value heads, D head size, R elements of a head that are rotated, E experts, F expert width, V
 * vocabulary, k experts per token, M dispatched rows. "compute" is BF16 or F32, the same for all
 * compute tensors of a call unless said otherwise; arithmetic inside a kernel is f32, and sums have
 * a fixed order, so that a rerun gives the same bits. All tensors belong to the caller, may be
 * empty, and do not overlap unless said. "+=" means that the kernel accumulates into the tensor.
 * Calls may return before the work is done on a device; {@link Backend#synchronize} waits. A wrong
 * shape or dtype throws {@link IllegalArgumentException}.
 */
public interface Kernels
    extends MovementKernels,
        LinearKernels,
        TokenwiseKernels,
        AttentionKernels,
        LinearAttentionKernels,
        RouterKernels,
        LossKernels {}
