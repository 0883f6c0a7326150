@NullMarked
package dev.gyre.deploy.command.checkpoint;

import org.jspecify.annotations.NullMarked;
