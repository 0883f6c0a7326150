package dev.gyre.coordinator;

import dev.gyre.comms.control.Capability;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.MeasuredRates;
import java.util.List;

/**
 * A worker and what it can do.
 *
 * @param rank its rank; −1 while none is given yet
 * @param rates all 0 if nothing was measured
 * @param sharedMemoryBytes free room where shared segments lie
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
