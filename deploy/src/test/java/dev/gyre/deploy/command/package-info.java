@NullMarked
package dev.gyre.deploy.command;

import org.jspecify.annotations.NullMarked;
