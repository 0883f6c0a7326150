package dev.gyre.kernels.workload;

/**
 * One kernel call that can be repeated, and the work it does.
 *
 * @param shape of its operands, for output
 * @param flops multiplications and additions of the products in it: 2·T·I·O of a linear, 2·N²·d of
 *     causal attention forward over d = heads · head size, 2.5 times that backward; 0 for
 *     memory-bound kernels
 * @param bytes read and written if every operand is transferred once; an operand that is
 *     accumulated into counts twice
 * @param call the call; returns before the work is done on a device
 */
public record Workload(String shape, double flops, double bytes, Runnable call) {
  /** Whether the kernel is compute-bound. Its rate is then in FLOP/s, else in bytes per second. */
  public boolean arithmetic() {
    return flops > 0;
  }

  /** FLOPs of a call, or bytes if it is memory-bound. */
  public double amount() {
    return arithmetic() ? flops : bytes;
  }
}
