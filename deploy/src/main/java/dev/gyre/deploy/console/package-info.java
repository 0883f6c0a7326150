/** Text output of commands: lines and progress, tables, and descriptions of plans. */
@NullMarked
package dev.gyre.deploy.console;

import org.jspecify.annotations.NullMarked;
