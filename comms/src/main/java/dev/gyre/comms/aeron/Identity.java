package dev.gyre.comms.aeron;

/**
 * What every frame of a run bears.
 *
 * @param run a hash of the run's name
 * @param checksums do frames carry a CRC32C?
 */
record Identity(int run, int epoch, boolean checksums) {
  static Identity of(AeronOptions options) {
    return new Identity(options.run().hashCode(), options.epoch(), options.isUdp());
  }

  /** Is the frame of this run and epoch? */
  boolean owns(Frame frame) {
    return frame.run() == run && frame.epoch() == epoch;
  }
}
