using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Postern.Tests.Api.Mailgun;

/// <summary>An application on loopback that takes forms.</summary>
sealed class FormReceiver : IAsyncDisposable
{
    readonly Channel<ReceivedForm> forms = Channel.CreateUnbounded<ReceivedForm>();
    readonly Queue<int> answers = new();
    WebApplication web = null!;

    public string Url => web.Urls.Single();

    /// <summary>The next answers; 200 when there are no more.</summary>
    public void Answer(params int[] statuses)
    {
        foreach (var status in statuses)
            answers.Enqueue(status);
    }

    public async ValueTask StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel((KestrelServerOptions kestrel) =>
            kestrel.Listen(IPAddress.Loopback, 0));
        web = builder.Build();
        web.Run(async context =>
        {
            var form = await context.Request.ReadFormAsync(context.RequestAborted);
            var files = form.Files.ToDictionary(file => file.Name, file => file.FileName);
            context.Response.StatusCode = answers.TryDequeue(out var status) ? status : 200;
            forms.Writer.TryWrite(new ReceivedForm(
                context.Request.Path + context.Request.QueryString.ToString(),
                form.ToDictionary(field => field.Key, field => field.Value.ToString()), files));
        });
        await web.StartAsync();
    }

    public ValueTask<ReceivedForm> TakeAsync() =>
        forms.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>Nothing has come that was not taken.</summary>
    public bool IsEmpty => !forms.Reader.TryPeek(out _);

    public ValueTask DisposeAsync() => web.DisposeAsync();
}

sealed record ReceivedForm(
    string Path, IReadOnlyDictionary<string, string> Fields, IReadOnlyDictionary<string, string> Files);
