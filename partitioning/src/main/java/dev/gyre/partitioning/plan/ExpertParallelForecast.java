package dev.gyre.partitioning.plan;

/**
 * What a job is predicted to need with its experts over so many ranks.
 *
 * @param expertParallel ranks of an expert group
 * @param micros of a step
 * @param memoryBytes of the fullest rank
 */
public record ExpertParallelForecast(int expertParallel, long micros, long memoryBytes) {}
