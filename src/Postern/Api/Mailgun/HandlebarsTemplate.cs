using System.Diagnostics.CodeAnalysis;

namespace Postern.Api.Mailgun;

/// <summary>A template in the subset of Handlebars that Mailgun has, parsed once.</summary>
/// <remarks>
/// Ours, since the libraries there are compile templates with reflection. There is no way out of it: no
/// helper but <c>if</c>, <c>unless</c>, <c>each</c>, <c>with</c> and <c>equal</c>, no partials. Neither
/// parsing nor rendering throws, whatever the template and the variables say.
/// </remarks>
sealed class HandlebarsTemplate
{
    readonly IReadOnlyList<HandlebarsNode> nodes;

    HandlebarsTemplate(IReadOnlyList<HandlebarsNode> nodes) => this.nodes = nodes;

    /// <param name="trouble">The line and what is wrong there, where it is no template.</param>
    public static bool TryParse(
        string source, [NotNullWhen(true)] out HandlebarsTemplate? template,
        [NotNullWhen(false)] out string? trouble)
    {
        template = null;
        var lexer = new HandlebarsLexer(source);
        var tokens = lexer.Read();
        trouble = lexer.Trouble;
        if (trouble is not null)
            return false;
        var parser = new HandlebarsParser(tokens);
        var nodes = parser.Parse();
        trouble = parser.Trouble;
        if (trouble is not null)
            return false;
        template = new HandlebarsTemplate(nodes);
        return true;
    }

    /// <param name="fill">Fills in what a recipient of a batch has; asked once for each text.</param>
    public Rendering Render(
        TemplateValue variables, TemplateEscaping escaping, Func<string, string> fill, RenderLimits limits) =>
        new HandlebarsRenderer(variables, escaping, fill, limits).Render(nodes);
}

/// <summary>What becomes of <c>&amp; &lt; &gt; " ' ` =</c> in a value.</summary>
enum TemplateEscaping { Html, None }

/// <param name="CharactersMax">Of what is made.</param>
/// <param name="StepsMax">Each node is a step each time, and each thousand characters.</param>
readonly record struct RenderLimits(long CharactersMax, long StepsMax);

/// <param name="Text">Null: it is beyond a limit.</param>
/// <param name="Steps">How many it took.</param>
readonly record struct Rendering(string? Text, long Steps);
