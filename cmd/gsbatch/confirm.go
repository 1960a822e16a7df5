package main

import (
	"bufio"
	"context"
	"strings"
)

// proceed asks question once, "y" going on and anything else not. Where nobody
// can be asked, or with --yes or --no-input, it goes on without a word.
func (app *App) proceed(question string) (bool, error) {
	if !app.asks() {
		return true, nil
	}
	return app.ask(question)
}

// asks says whether proceed asks.
func (app *App) asks() bool { return !app.general.yes && !app.general.noInput && app.attended() }

// ask puts a yes-or-no question; a signal while waiting is an *interrupted.
func (app *App) ask(question string) (bool, error) {
	app.tell("%s [y/N] ", oneLine(question))
	answer, err := app.readLine()
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// readLine reads one line of stdin; its end counts as an empty one. The read
// itself cannot be stopped: after a signal it is left behind, as the process
// is about to end.
func (app *App) readLine() (string, error) {
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(app.stdin).ReadString('\n') // an error ends the line
		lines <- line
	}()
	select {
	case line := <-lines:
		return line, nil
	case <-app.stop.Done():
		app.tell("\n")
		return "", context.Cause(app.stop)
	}
}
