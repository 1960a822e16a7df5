package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folder makes a working folder with files and enters it; HOME is inside.
func folder(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"HOME": dir, "XDG_CONFIG_HOME": filepath.Join(dir, "config")}
}

// settle parses a command line of rows and loads the settings.
func settle(t *testing.T, env map[string]string, args ...string) (*App, error) {
	t.Helper()
	app := testApp(t, &bytes.Buffer{}, env)
	root := newRoot(app)
	cmd, rest, err := root.Find(append([]string{"rows"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	return app, app.loadSettings(cmd)
}

func TestPrecedence(t *testing.T) {
	files := map[string]string{
		"gsbatch.yaml": "grace: 3s\n",
		"config/gsbatch/config.yaml": `profile: sandbox
grace: 5s
log_level: info
base_url: acme
profiles:
  sandbox: {grace: 4s, base_url: acme-sandbox}
`}
	tests := []struct {
		name    string
		env     map[string]string
		args    []string
		grace   time.Duration
		place   string
		baseURL string
	}{
		{"folder", nil, nil, 3 * time.Second, "gsbatch.yaml:1", "acme-sandbox"},
		{"environment", map[string]string{"GSBATCH_GRACE": "2s"}, nil, 2 * time.Second, "GSBATCH_GRACE", "acme-sandbox"},
		{"flag", map[string]string{"GSBATCH_GRACE": "2s"}, []string{"--grace", "1s"}, time.Second, "--grace", "acme-sandbox"},
		{"flag of the default's value", nil, []string{"--grace", "20s"}, 20 * time.Second, "--grace", "acme-sandbox"},
	}
	for _, tt := range tests {
		env := folder(t, files)
		for name, value := range tt.env {
			env[name] = value
		}
		app, err := settle(t, env, tt.args...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if app.general.grace != tt.grace || app.settings.place("grace") != tt.place || app.general.baseURL != tt.baseURL || app.general.logLevel != "info" {
			t.Errorf("%s: grace %v from %s, base URL %s, level %s", tt.name, app.general.grace, app.settings.place("grace"), app.general.baseURL, app.general.logLevel)
		}
		if app.settings.given("log-level") || app.settings.place("progress") != "default" {
			t.Errorf("%s: sources %v", tt.name, app.settings.sources)
		}
	}
}

func TestProfileOverUser(t *testing.T) {
	env := folder(t, map[string]string{"config/gsbatch/config.yaml": "grace: 5s\nprofiles:\n  a: {grace: 4s}\n"})
	app, err := settle(t, env, "--profile", "a")
	if err != nil || app.general.grace != 4*time.Second || app.settings.place("grace") != filepath.Join(env["XDG_CONFIG_HOME"], "gsbatch/config.yaml")+":3" {
		t.Errorf("%v, %v from %s", err, app.general.grace, app.settings.place("grace"))
	}
	if _, err = settle(t, env, "--profile", "b"); err == nil || !strings.Contains(err.Error(), `no profile "b"`) || !strings.Contains(err.Error(), "did you mean a?") {
		t.Errorf("%v", err)
	}
}

// TestFolderFileMayNot tries what came with a customer's zip.
func TestFolderFileMayNot(t *testing.T) {
	for line, say := range map[string]string{
		"base_url: evil.example":       "base_url may not be set",
		"BASE_URL: evil.example":       "unknown setting",
		"access_key: x":                "access_key may not be set",
		"access_key_file: /etc/passwd": "access_key_file may not be set",
		"access_key_cmd: [sh, -c, x]":  "access_key_cmd may not be set",
		"ca_file: evil.pem":            "ca_file may not be set",
		"https_proxy: http://evil":     "https_proxy may not be set",
		"state: .":                     "state may not be set",
		"config: x.yaml":               "config may not be set",
		"profile: production":          "profile may not be set",
		"profiles: {a: {grace: 1s}}":   "profiles may not be set",
		"yes: true":                    "yes may not be set",
		"no_input: true":               "no_input may not be set",
		"metrics_file: ../../x":        "outside the working folder",
		"report_dir: /etc":             "outside the working folder",
		`"base_url": evil.example`:     "base_url may not be set",
		"? base_url\n: evil.example":   "base_url may not be set",
		"<<: {base_url: evil.example}": "unknown setting",
		"a: &x acme\nbase_url: *x":     "no plain value|has no value",
		"--- \ngrace: 1s\n---\nq: 1":   "2 YAML documents",
	} {
		env := folder(t, map[string]string{"gsbatch.yaml": "# settings\n" + line + "\n"})
		app, err := settle(t, env)
		if err == nil {
			t.Errorf("%s: accepted", line)
			continue
		}
		code, _ := app.exitFor(err)
		said := false
		for _, one := range strings.Split(say, "|") {
			said = said || strings.Contains(err.Error(), one)
		}
		if code != 2 || !said || !strings.HasPrefix(err.Error(), "gsbatch.yaml:") {
			t.Errorf("%s: exit %d: %v", line, code, err)
		}
	}
}

func TestSettingsErrors(t *testing.T) {
	tests := []struct{ text, want, source string }{
		{"grace: soon\n", `config.yaml:1: grace: "soon" is not a duration like 30s, 5m or 8h; see gsbatch help environment`, "^"},
		{"log_levl: info\n", `config.yaml:1: unknown setting "log_levl"; did you mean log_level?`, "^"},
		{"\nlog_level: loud\n", `config.yaml:2: log_level: "loud": not one of debug, info, warn, error; see gsbatch help environment`, "^"},
		{"grace: 1s\ngrace: 2s\n", "config.yaml:2: ", "^"},
		{"grace: [1s, 2s]\n", "config.yaml:1: grace: ", "^"},
		{"grace:\n", "config.yaml:1: grace has no value; give it a plain value", "^"},
		{"- grace\n", "config.yaml:1: no settings; write lines like timeout: 30s", "^"},
		{"grace: 'x\n", "config.yaml:", "^"},
		{"access_key: CANARY-0123\n", "config.yaml:1: a key does not belong into a settings file", ""},
		{"access-key: CANARY-0123\ngrace: 'x\n", "config.yaml:", ""},
		{"access_key_cmd: pass show 'a b'\n", "config.yaml:1: access_key_cmd: quotes and shell characters are not understood; write a list: program and arguments", "^"},
	}
	for _, tt := range tests {
		env := folder(t, map[string]string{"config.yaml": tt.text})
		app, err := settle(t, env, "--config", "config.yaml")
		if err == nil {
			t.Errorf("%q: accepted", tt.text)
			continue
		}
		var stderr bytes.Buffer
		app.stderr = newConsole(&stderr, app.secrets)
		if code := app.finish(err); code != 2 {
			t.Errorf("%q: exit %d", tt.text, code)
		}
		text := stderr.String()
		if !strings.HasPrefix(text, "gsbatch: "+tt.want) || !strings.Contains(text, tt.source) || strings.Contains(text, "CANARY") {
			t.Errorf("%q:\n%s\nwant %s", tt.text, text, tt.want)
		}
	}
}

func TestEmptySettingsFiles(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "null\n", "\ufeff# mark\n"} {
		env := folder(t, map[string]string{"gsbatch.yaml": text})
		if _, err := settle(t, env); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTwoTenants(t *testing.T) {
	env := folder(t, nil)
	if _, err := settle(t, env, "--emulator", "--base-url", "acme"); err == nil || !strings.Contains(err.Error(), "--emulator and --base-url name two tenants; keep one") {
		t.Errorf("%v", err)
	}
	env["GSBATCH_BASE_URL"] = "acme"
	if app, err := settle(t, env, "--emulator"); err != nil || !app.general.emulator {
		t.Errorf("%v", err)
	}
	env["GSBATCH_EMULATOR"], env["GSBATCH_BASE_URL"] = "true", ""
	if app, err := settle(t, env, "--base-url", "acme"); err != nil || app.general.emulator {
		t.Errorf("%v", err)
	}
}

func TestCommandWords(t *testing.T) {
	for _, tt := range []struct {
		e    entry
		want []string
	}{
		{entry{values: []string{"pass show gs/acme"}}, []string{"pass", "show", "gs/acme"}},
		{entry{values: []string{"op", "read", "op://v/a key"}, list: true}, []string{"op", "read", "op://v/a key"}},
		{entry{values: []string{"cat x; rm y"}}, nil},
		{entry{values: []string{" "}}, nil},
	} {
		got, err := commandWords(tt.e)
		if diff := cmp.Diff(tt.want, got); (err == nil) != (tt.want != nil) || err == nil && diff != "" {
			t.Errorf("%v: %v\n%s", tt.e.values, err, diff)
		}
	}
}

func TestQuantities(t *testing.T) {
	for in, want := range map[string]string{"100/1m": "100/1m", "5 / 2s": "5/2s", "0": "0", "60/1h": "60/1h", "100": "", "0/1m": "", "-1/1m": "", "1/0s": "", "x/1m": ""} {
		var r rate
		err := r.Set(in)
		if (err == nil) != (want != "") || err == nil && r.String() != want {
			t.Errorf("rate %q: %s, %v", in, r.String(), err)
		}
	}
	for in, want := range map[string]string{"50%": "50%", "0%": "0%", "12.5 %": "", "100%": "100%", "101%": "", "50": "", "NaN%": "", "-1%": ""} {
		var p percent
		err := p.Set(in)
		if (err == nil) != (want != "") || err == nil && p.String() != want {
			t.Errorf("percent %q: %s, %v", in, p.String(), err)
		}
	}
}
