package dev.gyre.coordinator;

import dev.gyre.comms.control.Capability;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.MeasuredRates;
import java.util.List;

/**
 * A worker and its capabilities.
 *
 * @param rank its rank; −1 if not assigned yet
 * @param rates all 0 if nothing was measured
 * @param sharedMemoryBytes free bytes in the file system of shared memory
 */
public record JoinedWorker(
    int rank,
    long pid,
    String host,
    int cores,
    long memoryBytes,
    long sharedMemoryBytes,
    List<Capability> capabilities,
    MeasuredRates rates) {
  public JoinedWorker {
    capabilities = List.copyOf(capabilities);
  }

  static JoinedWorker of(int rank, Hello hello) {
    return new JoinedWorker(
        rank,
        hello.getPid(),
        hello.getHost(),
        hello.getCores(),
        hello.getMemoryBytes(),
        hello.getSharedMemoryBytes(),
        hello.getCapabilitiesList(),
        hello.getRates());
  }
}
