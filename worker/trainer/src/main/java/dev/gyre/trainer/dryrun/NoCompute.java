package dev.gyre.trainer.dryrun;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import java.lang.reflect.Proxy;
import java.util.List;

/** A backend without memory, whose kernels do nothing. */
final class NoCompute implements Backend {
  private static final Kernels NOTHING =
      (Kernels)
          Proxy.newProxyInstance(
              Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (_, _, _) -> null);

  @Override
  public String name() {
    return "none";
  }

  @Override
  public Kernels kernels() {
    return NOTHING;
  }

  @Override
  public boolean computes() {
    return false;
  }

  @Override
  public void onHost(List<Tensor> reads, List<Tensor> writes, Runnable work) {}
}
