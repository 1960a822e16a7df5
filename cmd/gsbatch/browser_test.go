//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser is a headless Chromium with one empty page, told what to do through
// the pipes of its DevTools protocol: no port, no web socket.
type browser struct {
	*testing.T
	to      *os.File
	answers chan devtools // closed when the browser is gone
	session string
	last    int
	events  []devtools // since the last look
}

// devtools is a message of the protocol.
type devtools struct {
	ID      int             `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// newBrowser starts the program at path with an empty profile.
func newBrowser(t *testing.T, path string) *browser {
	t.Helper()
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile := t.TempDir()
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
		"--proxy-server=127.0.0.1:1", "--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+profile)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("browser: %v", err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	b := &browser{T: t, to: to, answers: make(chan devtools, 64)}
	go b.listen(from)
	t.Cleanup(func() {
		_ = to.Close()
		_ = cmd.Process.Kill() // it has no more to say
		_ = cmd.Wait()
		for range b.answers {
		}
		_ = from.Close()
		if t.Failed() && said.Len() > 0 {
			t.Logf("the browser said:\n%s", ends(said.String()))
		}
	})
	b.open()
	return b
}

// listen hands out what the browser says, message by message.
func (b *browser) listen(from *os.File) {
	defer close(b.answers)
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m devtools
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			b.answers <- m
		}
	}
}

// open makes the page.
func (b *browser) open() {
	b.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	b.call(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.call(&attached, "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true})
	b.session = attached.Session
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(nil, domain+".enable", nil)
	}
}

// call makes a call and waits for its answer; events meanwhile are kept.
func (b *browser) call(into any, method string, params any) {
	b.Helper()
	b.last++
	text, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Session string `json:"sessionId,omitempty"`
		Params  any    `json:"params,omitempty"`
	}{b.last, method, b.session, params})
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		b.Fatalf("browser: %s: %v", method, err)
	}
	answer := b.until(method, func(m *devtools) bool { return m.ID == b.last })
	if answer.Error != nil {
		b.Fatalf("browser: %s: %s", method, answer.Error.Message)
	}
	if into != nil {
		if err := json.Unmarshal(answer.Result, into); err != nil {
			b.Fatalf("browser: %s: %v", method, err)
		}
	}
}

// until waits for a message.
func (b *browser) until(what string, wanted func(*devtools) bool) devtools {
	b.Helper()
	hung := time.NewTimer(patience)
	defer hung.Stop()
	for {
		select {
		case m, alive := <-b.answers:
			switch {
			case !alive:
				b.Fatalf("the browser is gone: %s", what)
			case wanted(&m):
				return m
			case m.Method != "":
				b.events = append(b.events, m)
			}
		case <-hung.C:
			b.Fatalf("the browser hangs: %s", what)
		}
	}
}

// look is how a page is looked at.
type look struct {
	width  int
	scheme string // light, dark
	media  string // screen, print
}

func (l look) String() string { return fmt.Sprintf("%d-%s-%s", l.width, l.scheme, l.media) }

// show loads a file; what it complains of or asks for fails the test.
func (b *browser) show(path string, l look) {
	b.Helper()
	b.events = nil
	b.call(nil, "Emulation.setDeviceMetricsOverride", map[string]any{"width": l.width, "height": 800, "deviceScaleFactor": 1, "mobile": l.width < 500})
	b.call(nil, "Emulation.setEmulatedMedia", map[string]any{"media": l.media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": l.scheme}}})
	url := "file://" + path
	b.call(nil, "Page.navigate", map[string]any{"url": url})
	b.until("load", func(m *devtools) bool { return m.Method == "Page.loadEventFired" })
	for _, e := range b.events {
		switch e.Method {
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
			b.Errorf("%s %v: the browser complains: %s", path, l, e.Params)
		case "Network.requestWillBeSent":
			var sent struct {
				Request struct {
					URL string `json:"url"`
				} `json:"request"`
			}
			if err := json.Unmarshal(e.Params, &sent); err != nil || sent.Request.URL != url {
				b.Errorf("%s %v: asks for %s", path, l, sent.Request.URL)
			}
		}
	}
}

// evaluate runs a script of the test's in the page.
func (b *browser) evaluate(script string, into any) {
	b.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.call(&answer, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true})
	if answer.Exception != nil {
		b.Fatalf("script: %s", answer.Exception)
	}
	if err := json.Unmarshal(answer.Result.Value, into); err != nil {
		b.Fatalf("script: %v: %s", err, answer.Result.Value)
	}
}

// keep writes a picture of the whole page to dir.
func (b *browser) keep(dir, name string) {
	b.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.call(&shot, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true})
	b.decode(dir, name+".png", shot.Data)
}

// print writes the page as it is printed to dir.
func (b *browser) print(dir, name string) {
	b.Helper()
	var printed struct {
		Data string `json:"data"`
	}
	b.call(&printed, "Page.printToPDF", map[string]any{"printBackground": true})
	b.decode(dir, name+".pdf", printed.Data)
}

func (b *browser) decode(dir, name, data string) {
	b.Helper()
	text, err := base64.StdEncoding.DecodeString(data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
}
