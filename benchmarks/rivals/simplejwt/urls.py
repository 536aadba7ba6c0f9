"""The routes, and the one view that Simple JWT doesn't bring."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView


class UserSerializer(ModelSerializer):
    class Meta:
        model = User
        fields = ("id", "username", "email", "is_active")


class Me(APIView):
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(request.user).data)


def up(_request: HttpRequest) -> HttpResponse:
    """For the harness: it answers when the server does."""
    return HttpResponse()


urlpatterns = [
    path("me", Me.as_view()),
    path("token", TokenObtainPairView.as_view()),
    path("token/refresh", TokenRefreshView.as_view()),
    path("up", up),
]
