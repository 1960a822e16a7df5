package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

func TestKeySources(t *testing.T) {
	keyring.MockInit()
	if err := keyring.Set(keyringService, "acme.gainsightcloud.com", "of-the-keyring"); err != nil {
		t.Fatal(err)
	}
	env := folder(t, map[string]string{
		"key":      "of-the-file\r\n",
		"empty":    "\n",
		"two":      "one two\n",
		"user.yml": "access_key_file: key\n",
		"cmd.yml":  "access_key_cmd: [printf, of-the-command]\n",
		"bad.yml":  "access_key_cmd: 'false'\n",
		"both.yml": "access_key_cmd: [printf, x]\naccess_key_file: key\n",
	})
	tests := []struct {
		name, env string
		args      []string
		key, err  string
	}{
		{"keyring", "", nil, "of-the-keyring", ""},
		{"environment", "of-the-env", []string{"--config", "user.yml"}, "of-the-env", ""},
		{"flag over environment", "of-the-env", []string{"--access-key-file", "key"}, "of-the-file", ""},
		{"user's file", "", []string{"--config", "user.yml"}, "of-the-file", ""},
		{"user's command", "", []string{"--config", "cmd.yml"}, "of-the-command", ""},
		{"environment over command", "of-the-env", []string{"--config", "cmd.yml"}, "of-the-env", ""},
		{"failing command", "", []string{"--config", "bad.yml"}, "", "access_key_cmd false: exit status 1; run it by hand"},
		{"both", "", []string{"--config", "both.yml"}, "", "both give a key; keep one"},
		{"empty", "", []string{"--access-key-file", "empty"}, "", "the access key is empty"},
		{"two words", "", []string{"--access-key-file", "two"}, "", "position 4"},
		{"missing", "", []string{"--access-key-file", "none"}, "", "key file: open none"},
	}
	for _, tt := range tests {
		env["GSBATCH_ACCESS_KEY"] = tt.env
		app, err := settle(t, env, tt.args...)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var key string
		src, err := app.accessKey("acme.gainsightcloud.com")
		if err == nil {
			key, err = src.read(context.Background())
		}
		if key != tt.key || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v", tt.name, key, err)
		}
		if err != nil {
			if code, _ := app.exitFor(err); code != 2 {
				t.Errorf("%s: exit %d", tt.name, code)
			}
		}
		if key != "" && app.secrets.redact(key) != redacted {
			t.Errorf("%s: the key can be printed", tt.name)
		}
	}
}

// TestKeyIsReadAnew changes the file under a run.
func TestKeyIsReadAnew(t *testing.T) {
	env := folder(t, map[string]string{"key": "first-key"})
	app, err := settle(t, env, "--access-key-file", "key")
	if err != nil {
		t.Fatal(err)
	}
	src, err := app.accessKey("x")
	if err != nil {
		t.Fatal(err)
	}
	if key, err := src.read(context.Background()); key != "first-key" || err != nil {
		t.Fatalf("%q, %v", key, err)
	}
	if err := os.WriteFile("key", []byte("second-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := src.read(context.Background()); key != "second-key" || err != nil {
		t.Fatalf("%q, %v", key, err)
	}
}

func TestNoKeyring(t *testing.T) {
	keyring.MockInitWithError(errors.New("no bus"))
	app := testApp(t, &bytes.Buffer{}, nil)
	_, err := app.keyringSource("acme").read(context.Background())
	if err == nil || err.Error() != "no access key for acme: no system keyring: no bus; set GSBATCH_ACCESS_KEY or --access-key-file" {
		t.Errorf("%v", err)
	}
}

func TestStateDir(t *testing.T) {
	tests := []struct {
		env  map[string]string
		flag string
		path string
		from string
	}{
		{map[string]string{"HOME": "/h"}, "", "/h/.local/state/gsbatch", "home folder"},
		{map[string]string{"HOME": "/h", "XDG_STATE_HOME": "/x"}, "", "/x/gsbatch", "XDG_STATE_HOME"},
		{map[string]string{"HOME": "/h", "XDG_STATE_HOME": "rel"}, "", "/h/.local/state/gsbatch", "home folder"},
		{map[string]string{"XDG_STATE_HOME": "/x", "STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "", "/var/lib/a", "STATE_DIRECTORY"},
		{map[string]string{"STATE_DIRECTORY": "/var/lib/a"}, "/named", "/named", "default"},
	}
	for _, tt := range tests {
		app := testApp(t, &bytes.Buffer{}, tt.env)
		app.general.state = tt.flag
		dir, err := app.stateDir()
		if err != nil || dir.path != tt.path || dir.from != tt.from {
			t.Errorf("%v: %+v, %v", tt.env, dir, err)
		}
	}
	if _, err := testApp(t, &bytes.Buffer{}, nil).stateDir(); err == nil {
		t.Error("a state folder without a home")
	}
}

func TestOpenState(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"XDG_STATE_HOME": dir}
	if err := os.Mkdir(filepath.Join(dir, "gsbatch"), 0o755); err != nil {
		t.Fatal(err)
	}
	app := testApp(t, &bytes.Buffer{}, env)
	if volatile(fileSystem(dir)) {
		_, err := app.openState()
		if code, _ := app.exitFor(err); code != 2 {
			t.Errorf("a volatile folder: %v", err)
		}
		app.general.state = filepath.Join(dir, "gsbatch")
	}
	path, err := app.openState()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || app.general.state == "" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(path); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestVolatileState refuses /dev/shm where nobody watches, unless it was named.
func TestVolatileState(t *testing.T) {
	const shm = "/dev/shm"
	if fileSystem(shm) != "tmpfs" {
		t.Log("no tmpfs here")
		return
	}
	dir, err := os.MkdirTemp(shm, "gsbatch-test-*")
	if err != nil {
		t.Log("tmpfs is read-only:", err)
		return
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	app := testApp(t, &bytes.Buffer{}, map[string]string{"XDG_STATE_HOME": dir})
	_, err = app.openState()
	if code, _ := app.exitFor(err); code != 2 || !strings.Contains(err.Error(), "it is on tmpfs and may vanish") {
		t.Errorf("exit %d: %v", code, err)
	}
	app.general.state = dir
	if _, err = app.openState(); err != nil {
		t.Errorf("named: %v", err)
	}
}
