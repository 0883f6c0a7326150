/** What a person sees while a job runs: lines, a table that grows, progress. */
@NullMarked
package dev.gyre.deploy.console;

import org.jspecify.annotations.NullMarked;
