using System.Text.Json;
using CsCheck;
using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

/// <summary>The subset of Handlebars that Mailgun has, as Handlebars itself renders it.</summary>
public sealed class HandlebarsTemplateTests
{
    static readonly RenderLimits Limits = new(CharactersMax: 100_000, StepsMax: 100_000);

    static TemplateValue Value(string json)
    {
        using var document = JsonDocument.Parse(json);
        return TemplateValue.Of(document.RootElement);
    }

    static HandlebarsTemplate Parse(string source) =>
        HandlebarsTemplate.TryParse(source, out var template, out var trouble) ? template
            : throw new FormatException(trouble);

    static string? Render(string source, string variables) => Parse(source).Render(
        Value(variables), TemplateEscaping.Html, static text => text, Limits).Text;

    [Theory]
    [InlineData("hi {{name}}!", """{"name":"Ann"}""", "hi Ann!")]
    [InlineData("{{x}}", """{"x":"<a href=\"b\">&'`"}""",
        "&lt;a href&#x3D;&quot;b&quot;&gt;&amp;&#x27;&#x60;")]
    [InlineData("{{{x}}}{{&x}}", """{"x":"<b>"}""", "<b><b>")]
    [InlineData("{{a.b.c}} {{a/b/c}}", """{"a":{"b":{"c":"deep"}}}""", "deep deep")]
    [InlineData("[{{nobody}}{{a.b}}{{n}}]", """{"a":"text","n":null}""", "[]")]
    [InlineData("{{a.[b c].d}} {{[x-y]}}", """{"a":{"b c":{"d":1}},"x-y":2}""", "1 2")]
    [InlineData("{{a}} {{b}} {{c}} {{d}} {{e}}",
        """{"a":12345678901234567890,"b":1.50,"c":true,"d":[1,[2]],"e":{}}""",
        "12345678901234567890 1.5 true 1,2 [object Object]")]
    [InlineData("{{list.length}} {{list.0}} {{list.[1]}}", """{"list":["a","b"]}""", "2 a b")]
    [InlineData("{{\"text\"}} {{'<'}} {{-3}}", "{}", "text &lt; -3")]
    public void Values_AreShownAsHandlebarsShowsThem(string source, string variables, string expected) =>
        Assert.Equal(expected, Render(source, variables));

    [Theory]
    [InlineData("""{"x":true}""", "yes")]
    [InlineData("""{"x":"a"}""", "yes")]
    [InlineData("""{"x":1}""", "yes")]
    [InlineData("""{"x":{}}""", "yes")]
    [InlineData("""{"x":[0]}""", "yes")]
    [InlineData("""{"x":false}""", "no")]
    [InlineData("""{"x":""}""", "no")]
    [InlineData("""{"x":0}""", "no")]
    [InlineData("""{"x":null}""", "no")]
    [InlineData("""{"x":[]}""", "no")]
    [InlineData("{}", "no")]
    public void If_AndUnless_KnowWhatIsEmpty(string variables, string expected)
    {
        Assert.Equal(expected, Render("{{#if x}}yes{{else}}no{{/if}}", variables));
        Assert.Equal(expected, Render("{{#unless x}}no{{^}}yes{{/unless}}", variables));
        Assert.Equal(expected, Render("{{^if x}}no{{else}}yes{{/if}}", variables));
    }

    [Theory]
    [InlineData("{{#if a}}A{{else if b}}B{{else}}C{{/if}}", """{"a":1}""", "A")]
    [InlineData("{{#if a}}A{{else if b}}B{{else}}C{{/if}}", """{"b":1}""", "B")]
    [InlineData("{{#if a}}A{{else if b}}B{{else}}C{{/if}}", "{}", "C")]
    [InlineData("{{#each x}}{{@index}}{{@first}}{{@last}}={{this}};{{/each}}", """{"x":["a","b"]}""",
        "0truefalse=a;1falsetrue=b;")]
    [InlineData("{{#each x}}{{@key}}={{this.n}};{{/each}}", """{"x":{"p":{"n":1},"q":{"n":2}}}""",
        "p=1;q=2;")]
    [InlineData("{{#each x}}a{{else}}none{{/each}}", """{"x":[]}""", "none")]
    [InlineData("{{#each x}}{{../y}}{{name}}{{y}}{{@root.y}}{{/each}}",
        """{"y":"!","x":[{"name":"n"}]}""", "!n!")]
    [InlineData("{{#each x}}{{#each this}}{{@../index}}.{{@index}} {{/each}}{{/each}}",
        """{"x":[[1],[2,3]]}""",
        "0.0 1.0 1.1 ")]
    [InlineData("{{#with a}}{{b}}{{else}}none{{/with}}", """{"a":{"b":1}}""", "1")]
    [InlineData("{{#with a}}{{b}}{{else}}none{{/with}}", "{}", "none")]
    [InlineData("{{#equal a \"x\"}}is{{else}}is not{{/equal}}", """{"a":"x"}""", "is")]
    [InlineData("{{#equal a 2}}is{{else}}is not{{/equal}}", """{"a":"2"}""", "is")]
    [InlineData("{{#equal a b}}is{{else}}is not{{/equal}}", """{"a":1,"b":2}""", "is not")]
    [InlineData("{{#x}}{{n}}{{/x}}{{^x}}none{{/x}}", """{"x":[{"n":1},{"n":2}]}""", "12")]
    [InlineData("{{#x}}{{n}}{{/x}}{{^x}}none{{/x}}", "{}", "none")]
    [InlineData("{{#x}}{{n}}{{/x}}", """{"x":{"n":1}}""", "1")]
    public void Blocks_ChooseAndRepeat(string source, string variables, string expected) =>
        Assert.Equal(expected, Render(source, variables));

    [Theory]
    [InlineData("a{{! nothing }}b{{!-- }} --}}c", "abc")]
    [InlineData("a {{~x~}} b", "aXb")]
    [InlineData("a {{~{x}~}} b", "aXb")]
    [InlineData("a {{~! c ~}} b{{~!-- c --~}} c", "abc")]
    [InlineData("a\n{{#if x}}\n  b\n{{else}}\n  c\n{{/if}}\nd\n", "a\n  b\nd\n")]
    [InlineData("  {{! alone }}\r\nd", "d")]
    [InlineData("x {{#if x}} y\n{{/if}} z", "x  y\n z")]
    [InlineData("\\{{x}} {{x}} \\\\{{x}}", "{{x}} X \\X")]
    [InlineData("{ {x} } }} {{'}}'}}", "{ {x} } }} }}")]
    [InlineData("", "")]
    public void Space_AndComments_AreTakenAsHandlebarsTakesThem(string source, string expected) =>
        Assert.Equal(expected, Render(source, """{"x":"X"}"""));

    [Theory]
    [InlineData("a\n{{x", "line 2: a tag is not closed")]
    [InlineData("{{{x}}", "line 1: a tag is not closed")]
    [InlineData("{{don't}}", "line 1: a tag is not closed")]
    [InlineData("{{!-- }}", "line 1: a tag is not closed")]
    [InlineData("{{}}", "line 1: a tag is empty")]
    [InlineData("{{#}}x{{/}}", "line 1: a tag is empty")]
    [InlineData("{{#if x}}", "line 1: the block if is not closed")]
    [InlineData("{{#if x}}\n{{/each}}", "line 2: the block if is not closed by its name")]
    [InlineData("{{/if}}", "line 1: a block is closed that was not opened")]
    [InlineData("{{else}}", "line 1: else stands outside of a block")]
    [InlineData("{{#if}}x{{/if}}", "line 1: if has 0 operands")]
    [InlineData("{{#equal a}}x{{/equal}}", "line 1: equal has 1 operands")]
    [InlineData("{{lookup a b}}", "line 1: the helper lookup is not supported")]
    [InlineData("{{#list a b}}x{{/list}}", "line 1: the helper list is not supported")]
    [InlineData("{{> part}}", "line 1: partials and decorators are not supported")]
    [InlineData("{{#> part}}{{/part}}", "line 1: partials and decorators are not supported")]
    [InlineData("{{#if (eq a b)}}x{{/if}}",
        "line 1: subexpressions, block parameters and named operands are not supported")]
    [InlineData("{{a..b}}", "line 1: a..b cannot be understood")]
    [InlineData("{{@nothing}}", "line 1: @nothing cannot be understood")]
    public void Template_ThatIsNone_SaysWhereAndWhy(string source, string expected)
    {
        Assert.False(HandlebarsTemplate.TryParse(source, out _, out var trouble));
        Assert.Equal(expected, trouble);
    }

    [Fact]
    public void Blocks_33Deep_AreRefused()
    {
        static string Deep(int depth) => string.Concat(Enumerable.Repeat("{{#if x}}", depth)) + "in"
            + string.Concat(Enumerable.Repeat("{{/if}}", depth));
        Assert.Equal("in", Render(Deep(32), """{"x":1}"""));
        Assert.False(HandlebarsTemplate.TryParse(Deep(33), out _, out var trouble));
        Assert.Equal("line 1: blocks stand more than 32 deep in each other", trouble);
        Assert.False(HandlebarsTemplate.TryParse(Deep(50_000), out _, out _));
    }

    [Fact]
    public void Rendering_BeyondItsSteps_EndsThere()
    {
        const string loops = "{{#each x}}{{#each @root.x}}{{#each @root.x}}{{/each}}{{/each}}{{/each}}";
        var many = $$"""{"x":[{{string.Join(',', Enumerable.Range(0, 1000))}}]}""";
        var made = Parse(loops).Render(Value(many), TemplateEscaping.Html, static text => text, Limits);
        Assert.Null(made.Text);
        Assert.InRange(made.Steps, 100_000, 100_010);
    }

    [Fact]
    public void Rendering_BeyondItsSize_EndsThere()
    {
        const string doubling = "{{#each x}}{{#each @root.x}}{{@root.text}}{{/each}}{{/each}}";
        var items = string.Join(',', Enumerable.Range(0, 30));
        var many = $$"""{"text":"{{new string('<', 1000)}}","x":[{{items}}]}""";
        Assert.Null(Render(doubling, many));
    }

    [Fact]
    public void Fill_IsAskedBeforeEscaping_AndOnce()
    {
        var made = Parse("{{x}} %a%").Render(
            Value("""{"x":"%a%"}"""), TemplateEscaping.Html,
            text => text.Replace("%a%", "<%a%>", StringComparison.Ordinal), Limits);
        Assert.Equal("&lt;%a%&gt; <%a%>", made.Text);
    }

    [Fact]
    public void AnyTemplate_OverAnyVariables_NeitherThrowsNorPassesItsLimits() => Templates.Sample(source =>
    {
        if (!HandlebarsTemplate.TryParse(source, out var template, out var trouble))
        {
            Assert.StartsWith("line ", trouble, StringComparison.Ordinal);
            return;
        }
        var limits = new RenderLimits(CharactersMax: 500, StepsMax: 200);
        foreach (var variables in (string[])[
            "{}", "[]", "null", """{"x":[1,{"y":[[],"<"]}],"y":{"x":{"y":0}},"z":"a"}"""])
        {
            var made = template.Render(Value(variables), TemplateEscaping.Html, static text => text, limits);
            Assert.True(made.Text is null || made.Text.Length <= 500, source);
            // The last node may be one that counts by its length.
            Assert.InRange(made.Steps, 0, 201 + (source.Length / 1024));
        }
    }, iter: 20_000);

    [Fact]
    public void Text_WithoutTags_IsItself() => Gen.String.Sample(text =>
    {
        if (!text.Contains("{{", StringComparison.Ordinal))
            Assert.Equal(text, Render(text, "{}"));
    });

    static readonly string[] Pieces =
    [
        "{{", "}}", "{{{", "}}}", "{{#if x}}", "{{#each x}}", "{{#with y}}", "{{#x}}", "{{^x}}", "{{else}}",
        "{{else if z}}", "{{/if}}", "{{/each}}", "{{/with}}", "{{/x}}", "{{x}}", "{{{z}}}", "{{../x.y}}",
        "{{this}}", "{{@index}}", "{{@key}}", "{{~", "~}}", "{{!--", "--}}", "\\", "\n", " ", "\"", "'", "[",
        "]", "@", "..", "/", "x", "y", ".", "equal", "#", "text",
    ];

    static readonly Gen<string> Templates = Gen.OneOf(
        Gen.String,
        Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 40].Select(string.Concat));
}
