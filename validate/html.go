package validate

import (
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// htmlPolicy is what a description may contain. It is built at the first
// description that is more than plain text and simple tags.
type htmlPolicy struct {
	policy *bluemonday.Policy
}

func (p *htmlPolicy) sanitize(s string) string {
	if p.policy == nil {
		p.policy = bluemonday.UGCPolicy()
		p.policy.AllowElements("font", "center", "u", "s", "strike", "mark", "label", "section", "article", "header", "footer", "main", "address", "big", "tt")
		p.policy.AllowAttrs("style", "class", "id", "dir", "lang", "title", "align", "target", "rel", "role", "name").Globally()
		p.policy.AllowAttrs("color", "face", "size").OnElements("font")
		p.policy.AllowDataAttributes()
		p.policy.AllowDataURIImages()
		p.policy.AllowURLSchemes("http", "https", "mailto", "tel", "ftp")
		p.policy.RequireNoFollowOnLinks(false)
		p.policy.RequireParseableURLs(true)
		p.policy.AllowNoAttrs().OnElements("a", "span", "font", "img")
	}
	return p.policy.Sanitize(s)
}

// active says what in an HTML text a sanitizer would take out: scripts, event
// handlers, javascript: URLs and the like, "" if there is nothing. The text is
// compared with its sanitized form tag by tag.
func (p *htmlPolicy) active(text string) string {
	if simpleHTML(text) {
		return ""
	}
	left := map[string]int{}
	for _, part := range htmlParts(p.sanitize(text)) {
		left[part.key]++
	}
	for _, part := range htmlParts(text) {
		if left[part.key] > 0 {
			left[part.key]--
			continue
		}
		if part.active() {
			return part.show
		}
	}
	return ""
}

// htmlPart is a tag or an attribute of a text.
type htmlPart struct {
	key  string // p, a@href
	show string // for messages
	tag  string
	attr string // "" for the tag itself
	url  string // value of an attribute
}

// active reports whether the part can run something. A sanitizer takes out
// more, such as odd colours, which nobody needs to hear of.
func (p htmlPart) active() bool {
	switch {
	case p.attr == "":
		switch p.tag {
		case "script", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "input", "button", "textarea", "select", "style", "link", "meta", "base", "svg", "math", "template", "noscript", "video", "audio", "portal":
			return true
		}
		return false
	case strings.HasPrefix(p.attr, "on"), p.attr == "srcdoc", p.attr == "formaction":
		return true
	}
	url := strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, strings.ToLower(p.url))
	return strings.HasPrefix(url, "javascript:") || strings.HasPrefix(url, "vbscript:") || strings.HasPrefix(url, "data:text/html")
}

// htmlParts lists the opening tags of a text and their attributes.
func htmlParts(text string) []htmlPart {
	var parts []htmlPart
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return parts
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			parts = append(parts, htmlPart{key: t.Data, show: "<" + printable(shorten(t.Data)) + ">", tag: t.Data})
			for _, a := range t.Attr {
				parts = append(parts, htmlPart{key: t.Data + "@" + a.Key, show: "<" + printable(shorten(t.Data)+" "+shorten(a.Key)) + "=" + quote(a.Val) + ">", tag: t.Data, attr: a.Key, url: a.Val})
			}
		}
	}
}

// simpleHTML reports whether a text has no tag but simple ones without
// attributes, as most descriptions do; it spares them the sanitizer.
func simpleHTML(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return true
		}
		s = s[i+1:]
		name := strings.TrimPrefix(s, "/")
		n := 0
		for n < len(name) && (name[n]|0x20 >= 'a' && name[n]|0x20 <= 'z' || name[n] >= '1' && name[n] <= '6') {
			n++
		}
		if n == 0 {
			if name != "" && (name[0] == '!' || name[0] == '?') {
				return false
			}
			continue // churn < 5 %
		}
		rest := strings.TrimPrefix(strings.TrimLeft(name[n:], " "), "/")
		if !simpleTag(name[:n]) || !strings.HasPrefix(rest, ">") {
			return false
		}
	}
}

func simpleTag(name string) bool {
	switch strings.ToLower(name) {
	case "p", "br", "b", "i", "u", "s", "em", "strong", "span", "div", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "hr", "sub", "sup", "table", "thead", "tbody", "tr", "td", "th":
		return true
	}
	return false
}
