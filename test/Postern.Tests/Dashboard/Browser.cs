using System.Net;
using Postern.Dashboard;

namespace Postern.Tests.Dashboard;

/// <summary>Posts forms to the dashboard as a browser does: with its cookies, and saying where it comes
/// from.</summary>
sealed class Browser : IDisposable
{
    /// <summary>What a login page gave it.</summary>
    public const string FormCookie = "AAAAAAAAAAAAAAAAAAAAAA";

    readonly HttpClient http;

    public Browser(IPEndPoint place, string scheme = "http")
    {
        http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null },
        })
        {
            BaseAddress = new Uri($"{scheme}://{place}/"),
        };
        Host = place.ToString();
        Origin = $"{scheme}://{place}";
        Cookies["postern-login"] = FormCookie;
        Cookies["__Host-postern-login"] = FormCookie;
    }

    public Dictionary<string, string> Cookies { get; } = [];

    public string Host { get; set; }

    /// <summary>Null: it does not say it.</summary>
    public string? Origin { get; set; }

    /// <summary>Further fields of the header.</summary>
    public Dictionary<string, string> Fields { get; } = [];

    public void Dispose() => http.Dispose();

    public static string LoginCsrf => SignIn.FormTokenOf(FormCookie);

    public Task<HttpResponseMessage> LoginAsync(
        string name, string password, params (string Name, string Value)[] more) =>
        PostAsync("login", [("csrf", LoginCsrf), ("name", name), ("password", password), .. more]);

    public Task<HttpResponseMessage> FollowAsync(string token, params (string Name, string Value)[] more) =>
        PostAsync("login", [("csrf", LoginCsrf), ("token", token), .. more]);

    public Task<HttpResponseMessage> PostAsync(
        string path, params IEnumerable<(string Name, string Value)> form) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent(
            form.Select(field => KeyValuePair.Create(field.Name, field.Value))));

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Host = Host;
        if (Origin is not null)
            request.Headers.Add("Origin", Origin);
        if (Cookies.Count > 0)
            request.Headers.Add("Cookie", string.Join("; ", Cookies.Select(one => $"{one.Key}={one.Value}")));
        foreach (var (name, value) in Fields)
            request.Headers.Add(name, value);
        var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        foreach (var cookie in SetBy(response))
        {
            var pair = cookie.Split(';')[0].Split('=', 2);
            if (pair[1].Length > 0)
                Cookies[pair[0]] = pair[1];
            else
                Cookies.Remove(pair[0]);
        }
        return response;
    }

    /// <summary>The Set-Cookie fields of an answer.</summary>
    public static string[] SetBy(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Set-Cookie", out var cookies) ? [.. cookies] : [];
}
