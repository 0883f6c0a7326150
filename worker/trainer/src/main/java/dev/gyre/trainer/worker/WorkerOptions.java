package dev.gyre.trainer.worker;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Arguments of a worker process, written by its launcher and read by {@link WorkerMain}.
 *
 * @param rank the rank to ask for, −1 to leave it to the coordinator; as text, because a launcher
 *     may insert a placeholder
 * @param data folder of the prepared token store
 * @param backend backend of the job, measured before the plan is made
 * @param device where: {@code cpu} or {@code cuda:N}
 * @param dtype dtype of the job, likewise
 * @param traceBaseNanos time zero of a trace, in {@link System#nanoTime}; 0 for no trace
 * @param kernelThreads kernel threads that the plan is expected to give each worker
 * @param attempt 1, or 2 for a process that replaces one with a slow kernel; as text, as above
 * @param endpoints {@code host:port} of every rank's data plane, for udp; none for ipc
 */
public record WorkerOptions(
    InetSocketAddress coordinator,
    String run,
    String rank,
    Path data,
    String backend,
    String device,
    String dtype,
    long traceBaseNanos,
    int kernelThreads,
    String attempt,
    List<String> endpoints) {
  public WorkerOptions {
    endpoints = List.copyOf(endpoints);
  }

  /** As arguments of the process. */
  public List<String> toArguments() {
    List<String> args = new ArrayList<>();
    args.add("--coordinator=" + coordinator.getHostString() + ":" + coordinator.getPort());
    args.add("--run=" + run);
    args.add("--rank=" + rank);
    args.add("--data=" + data);
    args.add("--backend=" + backend);
    args.add("--device=" + device);
    args.add("--dtype=" + dtype);
    args.add("--trace-base=" + traceBaseNanos);
    args.add("--kernel-threads=" + kernelThreads);
    args.add("--attempt=" + attempt);
    for (String endpoint : endpoints) {
      args.add("--endpoint=" + endpoint);
    }
    return args;
  }

  static WorkerOptions parse(String[] args) {
    TreeMap<String, String> single = new TreeMap<>();
    List<String> endpoints = new ArrayList<>();
    for (String arg : args) {
      int eq = arg.indexOf('=');
      if (!arg.startsWith("--") || eq < 0) {
        throw new IllegalArgumentException("worker argument '" + arg + "' is not --name=value");
      }
      String name = arg.substring(2, eq);
      String value = arg.substring(eq + 1);
      if (name.equals("endpoint")) {
        endpoints.add(value);
      } else {
        single.put(name, value);
      }
    }
    WorkerOptions options =
        new WorkerOptions(
            address(required(single, "coordinator")),
            required(single, "run"),
            required(single, "rank"),
            Path.of(required(single, "data")),
            required(single, "backend"),
            required(single, "device"),
            required(single, "dtype"),
            Long.parseLong(required(single, "trace-base")),
            Integer.parseInt(required(single, "kernel-threads")),
            required(single, "attempt"),
            endpoints);
    if (!single.isEmpty()) {
      throw new IllegalArgumentException("worker arguments not known: " + single.keySet());
    }
    return options;
  }

  private static String required(TreeMap<String, String> from, String name) {
    String value = from.remove(name);
    if (value == null) {
      throw new IllegalArgumentException("worker argument --" + name + " is missing");
    }
    return value;
  }

  private static InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("'" + text + "' is not host:port");
    }
    return new InetSocketAddress(
        text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
  }
}
