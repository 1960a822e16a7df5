package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// The limits of what a key can be and how long getting it may take.
const (
	longestKey        = 4096
	keyCommandTimeout = 60 * time.Second
)

// keySource is where the access key comes from. read fetches it anew each
// time, as a key may be changed under a run.
type keySource struct {
	name string // "GSBATCH_ACCESS_KEY", "key file /…", …; never the key
	read func(context.Context) (string, error)
}

// accessKey finds the source of the key for a host: --access-key-file,
// GSBATCH_ACCESS_KEY, GSBATCH_ACCESS_KEY_FILE, the settings' access_key_file
// or access_key_cmd, the keyring. Every key read is made unprintable.
func (app *App) accessKey(host string) (keySource, error) {
	fileRank, command := app.settings.rank("access-key-file"), app.settings.keyCommand
	file := app.general.accessKeyFile
	fromEnv := app.getenv("GSBATCH_ACCESS_KEY") != ""
	src := app.keyringSource(host)
	switch {
	case file != "" && (fileRank == fromFlag || !fromEnv && fileRank >= fromEnvironment):
		src = app.fileSource(file)
	case fromEnv:
		src = keySource{"GSBATCH_ACCESS_KEY", func(context.Context) (string, error) { return app.getenv("GSBATCH_ACCESS_KEY"), nil }}
	case file != "" && command != nil && fileRank == app.settings.rank(keyCommandKey):
		return keySource{}, usagef("keep one", "%s and %s both give a key", app.settings.place("access-key-file"), app.settings.place(keyCommandKey))
	case file != "" && fileRank > app.settings.rank(keyCommandKey):
		src = app.fileSource(file)
	case command != nil:
		src = app.commandSource(command)
	}
	return app.guarded(src), nil
}

// guarded returns src with every key checked and made unprintable.
func (app *App) guarded(src keySource) keySource {
	return keySource{src.name, func(ctx context.Context) (string, error) {
		text, err := src.read(ctx)
		if err != nil {
			return "", err
		}
		key, err := cleanKey(text)
		if err != nil {
			return "", failf(exitUsage, "give it as the tenant's admin handed it out", "%s: %w", src.name, err)
		}
		app.hide(key)
		return key, nil
	}}
}

// cleanKey returns a key without the line break around it. What cannot be sent
// in a header is no key; the error never shows it.
func cleanKey(text string) (string, error) {
	key := strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case key == "":
		return "", errors.New("the access key is empty")
	case len(key) > longestKey:
		return "", fmt.Errorf("the access key is longer than %d bytes", longestKey)
	}
	for i, r := range key {
		if r <= ' ' || r > '~' {
			return "", fmt.Errorf("the access key has a blank, a line break or a character outside ASCII at position %d", i+1)
		}
	}
	return key, nil
}

// fileSource reads the key from a file that only its owner may read. A pipe is
// read once.
func (app *App) fileSource(path string) keySource {
	var once string
	return keySource{"key file " + path, func(context.Context) (string, error) {
		if once != "" {
			return once, nil
		}
		f, err := os.Open(path)
		if err != nil {
			return "", usagef("name a file that you can read", "key file: %w", err)
		}
		defer func() { _ = f.Close() }()
		info, err := f.Stat()
		if err != nil {
			return "", usagef("name a file that you can read", "key file: %w", err)
		}
		if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && ownedByUs(info) {
			return "", usagef("chmod 600 "+path, "key file %s: others may read it (mode %04o)", path, info.Mode().Perm())
		}
		text, err := io.ReadAll(io.LimitReader(f, longestKey+16))
		if err != nil {
			return "", usagef("name a file that you can read", "key file: %w", err)
		}
		if !info.Mode().IsRegular() {
			once = string(text)
		}
		return string(text), nil
	}}
}

// commandSource runs a program, without a shell, and takes its output. The
// program may use the terminal: password managers ask there.
func (app *App) commandSource(words []string) keySource {
	name := keyCommandKey + " " + words[0]
	return keySource{name, func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, keyCommandTimeout)
		defer cancel()
		out := cappedBuffer{most: 2 * longestKey}
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = app.stdin, &out, app.stderr
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return "", usagef("run it by hand", "%s: no answer within %v", name, keyCommandTimeout)
		case err != nil:
			return "", usagef("run it by hand", "%s: %w", name, err)
		}
		return out.String(), nil
	}}
}

// cappedBuffer takes at most so many bytes; one more is an error, which ends
// the program that writes them.
type cappedBuffer struct {
	bytes.Buffer
	most int
}

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errors.New("prints far more than a key")
	}
	return b.Buffer.Write(p)
}
