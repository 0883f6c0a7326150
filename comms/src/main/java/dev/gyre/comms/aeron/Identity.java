package dev.gyre.comms.aeron;

/**
 * Identity that every frame of a run carries.
 *
 * @param run a hash of the run's name
 * @param checksums whether frames carry a CRC32C
 */
record Identity(int run, int epoch, boolean checksums) {
  static Identity of(AeronOptions options) {
    return new Identity(options.run().hashCode(), options.epoch(), options.isUdp());
  }

  /** Whether the frame belongs to this run and epoch. */
  boolean owns(Frame frame) {
    return frame.run() == run && frame.epoch() == epoch;
  }
}
