package dev.gyre.trainer.worker;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.Device;

/**
 * A backend that is not on the class path because it is downloaded only on request. Never
 * available; its reason is the command that downloads it.
 */
record BackendDownload(String name, String reason) implements BackendProvider {
  static final BackendDownload TORCH =
      new BackendDownload(
          "torch",
          "libtorch is not on the class path; --backend torch on the command line of ./gyre fetches"
              + " it (110 MB, once), for example ./gyre train --backend torch");

  @Override
  public int preference() {
    return Integer.MIN_VALUE;
  }

  @Override
  public BackendProbe probe() {
    return new BackendProbe.Unavailable(reason);
  }

  @Override
  public BackendProbe probe(Device device) {
    return probe();
  }

  @Override
  public Backend open(int threads) {
    throw new IllegalStateException(reason);
  }
}
