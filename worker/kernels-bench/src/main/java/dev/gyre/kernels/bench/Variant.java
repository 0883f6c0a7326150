package dev.gyre.kernels.bench;

import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Sizes;
import dev.gyre.kernels.workload.Sizes.Attention;
import dev.gyre.kernels.workload.Sizes.Product;

/** The shapes at which a kernel is measured. */
enum Variant {
  /** {@link Sizes#BENCHMARK}. */
  STANDARD,
  /** A linear of 1024³. */
  CUBE,
  /** Attention over 16,384 tokens. */
  LONG;

  Sizes sizes() {
    return switch (this) {
      case STANDARD -> Sizes.BENCHMARK;
      case CUBE -> Sizes.BENCHMARK.withLinear(new Product(1024, 1024, 1024));
      case LONG -> Sizes.BENCHMARK.withAttention(new Attention(16_384, 8, 8, 64));
    };
  }

  /** Whether the kernel's operands differ from the standard ones. */
  boolean concerns(KernelWorkload kernel) {
    return switch (this) {
      case STANDARD -> true;
      case CUBE ->
          kernel == KernelWorkload.LINEAR
              || kernel == KernelWorkload.LINEAR_BACKWARD_INPUT
              || kernel == KernelWorkload.LINEAR_BACKWARD_WEIGHT;
      case LONG ->
          kernel == KernelWorkload.ATTENTION || kernel == KernelWorkload.ATTENTION_BACKWARD;
    };
  }
}
