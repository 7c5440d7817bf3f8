"""A real SMTP server for the tests: keeps every mail, byte for byte, in a folder.

smtp.py FOLDER MODE [CERT KEY [USER PASSWORD]], where MODE is plain, starttls or tls. Prints its port.
Recipients named full@ are refused for now (452), gone@ for good (550), slow@ after a minute.
"""
import asyncio, json, pathlib, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

folder, mode = pathlib.Path(sys.argv[1]), sys.argv[2]
context = None
if mode != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
login = sys.argv[5:7] if len(sys.argv) > 6 else None


class Keep:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "full":
            with open(folder / "tries", "a") as f:
                f.write("452\n")
            return "452 4.2.2 mailbox full"
        if name == "gone":
            return "550 5.1.1 no such user here"
        if name == "slow":
            await asyncio.sleep(60)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Keep.count += 1
        about = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": mode == "tls" or session.ssl is not None,
                 "user": getattr(session, "auth_data", None) and session.auth_data.decode()}
        (folder / f"{Keep.count}.json").write_text(json.dumps(about))
        (folder / f"{Keep.count}.part").write_bytes(envelope.original_content)
        (folder / f"{Keep.count}.part").rename(folder / f"{Keep.count}.eml")
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    right = login and [data.login.decode(), data.password.decode()] == login
    return AuthResult(success=bool(right), handled=False, auth_data=data.login)


def made():
    return SMTP(Keep(), hostname="mail.example", tls_context=context if mode == "starttls" else None,
                require_starttls=mode == "starttls", authenticator=authenticate if login else None,
                auth_required=bool(login), auth_require_tls=mode == "starttls")


async def main():
    server = await asyncio.get_running_loop().create_server(
        made, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
