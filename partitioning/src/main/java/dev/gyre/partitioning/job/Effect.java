package dev.gyre.partitioning.job;

/** What a key of the job changes, and so whether a run may be resumed with another value of it. */
public enum Effect {
  /** What is computed: a resume with another value is refused, and names the key. */
  ARITHMETIC,

  /** Which tokens are trained on: part of the data's fingerprint, which a resume compares. */
  DATA,

  /** How the run continues: a resume with another value is allowed, and reports it. */
  COURSE,

  /** Where and how fast it runs: a resume may differ, and reports what the plan decides. */
  EXECUTION,

  /** Names, folders, evaluations and checkpoints: a resume may differ. */
  NONE
}
