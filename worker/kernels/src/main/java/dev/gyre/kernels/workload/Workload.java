package dev.gyre.kernels.workload;

/**
 * One kernel call that can be repeated, and the work it does.
 *
 * @param shape of its operands, for people
 * @param flops multiplications and additions of the products in it: 2·T·I·O of a linear, 2·N²·d of
 *     causal attention forward over d = heads · head size, 2.5 times that backward; 0 where memory
 *     is what limits the kernel
 * @param bytes read and written if every operand came from memory once; an operand added to counts
 *     twice
 * @param call the call; returns before the work is done on a device
 */
public record Workload(String shape, double flops, double bytes, Runnable call) {
  /** Whether arithmetic limits it: its rate then is in FLOP/s, else in bytes a second. */
  public boolean arithmetic() {
    return flops > 0;
  }

  /** FLOPs of a call, or bytes where memory limits it. */
  public double amount() {
    return arithmetic() ? flops : bytes;
  }
}
