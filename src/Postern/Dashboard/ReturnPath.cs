namespace Postern.Dashboard;

/// <summary>Where a login leads back to.</summary>
static class ReturnPath
{
    const int CharactersMax = 500;

    /// <summary>The path, where it is one of this host and nothing else; else the front page.</summary>
    public static string Of(string text) => text.Length is > 0 and <= CharactersMax && text[0] == '/'
        && !text.Contains("//", StringComparison.Ordinal) && !text.Contains('\\', StringComparison.Ordinal)
        && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? text : "/";
}
