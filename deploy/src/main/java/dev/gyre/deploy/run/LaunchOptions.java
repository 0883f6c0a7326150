package dev.gyre.deploy.run;

/**
 * How a job's workers are run; nothing of it changes what they compute.
 *
 * @param trace whether what every rank does when is written to the run's {@code trace.json}
 * @param bind whether each worker's training thread keeps to cores of its own, where there are
 *     enough
 */
public record LaunchOptions(boolean trace, boolean bind) {}
